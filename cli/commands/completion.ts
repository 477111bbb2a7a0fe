/** `completion`: prints the script that completes commands and options in a shell. */
import { defineCommand } from '../args/command.js';

export const completion = defineCommand({
  usage: 'completion',
  summary: 'Print a script that completes commands and options in your shell.',
  details: 'The environment variable SHELL selects bash, zsh or fish.',
  positionals: {},
  options: {},
  examples: [
    ['completion >> ~/.bashrc', 'Set up bash'],
    ['completion > ~/.zfunc/_browserstate', 'Set up zsh, if fpath contains ~/.zfunc'],
  ],
  async run(context) {
    context.printCompletionScript();
  },
});
