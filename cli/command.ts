/** What a command is: data from which the parser, the help and the completion are made, and a function that is called when it was chosen. */
import type { ArgumentsCamelCase, InferredOptionType, Options, PositionalOptions } from 'yargs';
import type { Context } from './context.js';

export type OptionTable = Readonly<Record<string, Options>>;
export type PositionalTable = Readonly<Record<string, PositionalOptions>>;

type Inferred<T extends OptionTable | PositionalTable> = { [K in keyof T]: InferredOptionType<T[K]> };

interface Definition<P extends PositionalTable, O extends OptionTable> {
  /** As it is typed after the program's name, `<…>` for what must and `[…]` for what may be given: `snapshot <dir>`. */
  usage: string;
  /** One sentence for the list of commands. */
  summary: string;
  /** What else its own help says. */
  details?: string;
  positionals: P;
  options: O;
  examples: readonly (readonly [command: string, does: string])[];
  /** Does the work and reports it. */
  run(context: Context, args: ArgumentsCamelCase<Inferred<P> & Inferred<O>>): Promise<void>;
}

export type Command = Definition<PositionalTable, OptionTable>;

/** A command whose `run` is given its arguments with the types that its options declare. */
export function defineCommand<const P extends PositionalTable, const O extends OptionTable>(definition: Definition<P, O>): Command {
  return definition;
}

/** The name of a command: the first word of its usage. */
export function commandName({ usage }: Pick<Command, 'usage'>): string {
  return usage.split(' ', 1)[0] as string;
}
