/**
 * Expands `$(NAME)` in a command, an argument or a value: `$$` is a dollar sign and hides what follows it, an unknown name
 * stays as it is written (Kubernetes: third_party/forked/golang/expansion).
 */
export function expandVariables(text: string, lookup: (name: string) => string | undefined): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (written, _rest: string, name: string | undefined) =>
    name === undefined ? "$" : (lookup(name) ?? written),
  );
}
