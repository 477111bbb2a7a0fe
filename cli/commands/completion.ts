/** `completion`: the script by which a shell completes commands and options. */
import { defineCommand } from '../command.js';

export const completion = defineCommand({
  usage: 'completion',
  summary: 'Print a script that makes your shell complete commands and options.',
  details: 'It is for the shell that SHELL names: bash, zsh or fish.',
  positionals: {},
  options: {},
  examples: [
    ['completion >> ~/.bashrc', 'For every new bash'],
    ['completion > ~/.zfunc/_browserstate', 'For zsh, where fpath has ~/.zfunc'],
  ],
  async run(context) {
    context.printCompletionScript();
  },
});
