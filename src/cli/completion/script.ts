/** Completion scripts. They ask `minke __complete -- WORD…` (the last word being the one under the cursor), one answer a line. */

export const SHELLS = ["bash", "zsh", "fish"] as const;

const BASH = `# bash completion for minke; load it with: source <(minke completion bash)
_minke() {
  local line words
  COMPREPLY=()
  words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  # bash splits words at "=" and ":"; put them together again.
  if declare -F _get_comp_words_by_ref >/dev/null; then
    local cur cword
    _get_comp_words_by_ref -n "=:" -w words -i cword cur
    words=("\${words[@]:1:cword}")
  fi
  while IFS= read -r line; do
    [ "$line" = "__files__" ] && { compopt -o default 2>/dev/null; COMPREPLY=(); return; }
    COMPREPLY+=("$line")
  done < <(minke __complete -- "\${words[@]}" 2>/dev/null)
  [ "\${#COMPREPLY[@]}" = 1 ] && case "\${COMPREPLY[0]}" in */|*=) compopt -o nospace 2>/dev/null ;; esac
  declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "\${words[\${#words[@]}-1]}"
}
complete -F _minke minke
`;

const ZSH = `#compdef minke
# zsh completion for minke; load it with: source <(minke completion zsh)
_minke() {
  local -a answers
  answers=("\${(@f)$(minke __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [ "\${answers[1]}" = "__files__" ]; then
    _files
  elif [ -n "\${answers[1]}" ]; then
    compadd -Q -- "\${answers[@]}"
  fi
}
if [ "\${funcstack[1]}" = "_minke" ]; then
  _minke "$@"
else
  compdef _minke minke
fi
`;

const FISH = `# fish completion for minke; load it with: minke completion fish | source
function __minke_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l answers (minke __complete -- $words[2..-1] 2>/dev/null)
  if test "$answers[1]" = "__files__"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $answers
  end
end
complete -c minke -f -a '(__minke_complete)'
`;

/** The script of a shell; undefined for one that is not known. */
export function scriptFor(shell: string): string | undefined {
  return { bash: BASH, zsh: ZSH, fish: FISH }[shell];
}
