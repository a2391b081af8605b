/** Field paths as messages write them: `spec.containers[0].resources.limits[cpu]`. */

/** The fields, list indexes and map keys of a path, outermost first. A key in brackets that is a number counts as an index. */
export function parsePath(path: string): (string | number)[] {
  const segments: (string | number)[] = [];
  for (const match of path.matchAll(/([^.[\]]+)|\[([^\]]*)\]/g)) {
    const [, field, bracket] = match;
    if (field !== undefined) segments.push(field);
    else segments.push(/^\d+$/.test(bracket!) ? Number(bracket) : bracket!);
  }
  return segments;
}
