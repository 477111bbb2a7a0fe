/** A command as data, from which the parser, the help and the completion are generated. */
import type { ArgumentsCamelCase, InferredOptionType, Options, PositionalOptions } from 'yargs';
import type { Context } from '../context.js';

export type OptionTable = Readonly<Record<string, Options>>;
export type PositionalTable = Readonly<Record<string, PositionalOptions>>;

type Inferred<T extends OptionTable | PositionalTable> = { [K in keyof T]: InferredOptionType<T[K]> };

interface Definition<P extends PositionalTable, O extends OptionTable> {
  /**
   * The usage as typed after the program's name, such as `snapshot <dir>`. `<…>` is required, `[…]`
   * is optional.
   */
  usage: string;
  /** One sentence for the list of commands. */
  summary: string;
  /** Further text for the command's own help. */
  details?: string;
  positionals: P;
  options: O;
  examples: readonly (readonly [command: string, does: string])[];
  /** Does the work and reports the result. */
  run(context: Context, args: ArgumentsCamelCase<Inferred<P> & Inferred<O>>): Promise<void>;
}

export type Command = Definition<PositionalTable, OptionTable>;

/** Returns the definition with the argument types that its options declare. */
export function defineCommand<const P extends PositionalTable, const O extends OptionTable>(definition: Definition<P, O>): Command {
  return definition;
}

/** Returns the name of a command: the first word of its usage. */
export function commandName({ usage }: Pick<Command, 'usage'>): string {
  return usage.split(' ', 1)[0] as string;
}
