/** What a 401 asks for: the `WWW-Authenticate` headers of RFC 9110, section 11. */

export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Challenges and parameters of one answer that are looked at. */
const ITEMS_MAX = 64;
const ITEM = /[\s,]*([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|(?=\s|,|$))/y;

/** Reads the challenges of a header, which may hold several. What can not be read ends the list. */
export function readChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  ITEM.lastIndex = 0;
  for (let items = 0; items < ITEMS_MAX; items++) {
    const match = ITEM.exec(header);
    if (!match) break;
    const [, word, quoted, bare] = match;
    const value = quoted?.replaceAll(/\\(.)/g, "$1") ?? bare;
    if (value === undefined) challenges.push({ scheme: word!.toLowerCase(), parameters: {} });
    else if (challenges.length > 0) challenges.at(-1)!.parameters[word!.toLowerCase()] = value;
  }
  return challenges;
}
