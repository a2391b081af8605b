/** Names of types as people write them: `po`, `pod`, `pods`, `Pod`. */
import { type Resource, resourceNamed, RESOURCES } from "../api/resources.ts";
import { UsageError } from "./exit.ts";
import { suggestions } from "./suggest.ts";

/** What `all` means. */
export const ALL_TYPES: readonly Resource[] = RESOURCES.filter((type) => type.categories.includes("all"));

/** The type of that name. Throws a usage error in kubectl's words. */
export function typeNamed(name: string): Resource {
  const type = resourceNamed(name);
  if (type) return type;
  const names = RESOURCES.flatMap(({ plural, singular, shortNames }) => [plural, singular, ...shortNames]);
  const near = suggestions(name.toLowerCase(), names);
  const hint =
    near.length > 0 ? `Did you mean "${near[0]}"?` : `It has ${RESOURCES.map((one) => one.plural).join(", ")}.`;
  throw new UsageError(`the server doesn't have a resource type "${name}"\n${hint}`);
}
