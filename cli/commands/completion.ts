/** `completion`: prints the script that completes commands, options and names in a shell. */
import { basename } from 'node:path';
import { defineCommand } from '../args/command.js';
import { COMPLETE } from '../args/options.js';

/** The scripts by shell. yargs formats its completions for the shell that SHELL names. */
const scripts: Readonly<Record<string, string>> = {
  // Readline begins a word after `=` and `:`, and with `@`; the names are whole.
  bash: `_browserstate() {
  local IFS=$'\\n' line="\${COMP_LINE:0:COMP_POINT}" breaks="\${COMP_WORDBREAKS//[^=:]/}" word rest
  word="\${line##*[[:space:]]}" rest="\${line##*[[:space:]$breaks]}"
  if [[ $COMP_WORDBREAKS == *@* && $rest == *@* ]]; then rest="@\${rest##*@}"; fi
  COMPREPLY=($(compgen -W "$(COMP_LINE="$line" SHELL=bash browserstate ${COMPLETE} 2>/dev/null)" -- "$word"))
  COMPREPLY=("\${COMPREPLY[@]#"\${word%"$rest"}"}")
}
complete -o bashdefault -o default -F _browserstate browserstate
`,
  zsh: `#compdef browserstate
_browserstate() {
  local IFS=$'\\n'
  local -a found=($(SHELL=zsh browserstate ${COMPLETE} "\${(@Q)words[1,CURRENT]}" 2>/dev/null))
  if (( $#found )); then _describe browserstate found; else _default; fi
}
if [[ "\${zsh_eval_context[-1]}" == loadautofunc ]]; then _browserstate "$@"; else compdef _browserstate browserstate; fi
`,
  fish: `complete -c browserstate -a '(SHELL=fish browserstate ${COMPLETE} (commandline -opc) "$(commandline -ct)" 2>/dev/null)'
`,
};

export const completion = defineCommand({
  usage: 'completion',
  summary: 'Print a script that completes commands, options, sessions and tags in your shell.',
  details: 'The environment variable SHELL selects bash, zsh or fish. Sessions and tags are those of the local store.',
  positionals: {},
  options: {},
  examples: [
    ['completion >> ~/.bashrc', 'Set up bash'],
    ['completion > ~/.zfunc/_browserstate', 'Set up zsh, if fpath contains ~/.zfunc'],
  ],
  async run({ env }) {
    const shell = basename(env['SHELL'] ?? '');
    process.stdout.write(scripts[shell] ?? (scripts['bash'] as string));
  },
});
