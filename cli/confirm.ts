/** Questions to a person. Programs get no questions. */
import { safe } from './output/text.js';

/** Returns whether a person can answer: both the question and the answer need a terminal. */
export function canAsk({ json }: { json: boolean }): boolean {
  return !json && process.stdin.isTTY && process.stderr.isTTY;
}

/**
 * Prompts with a question. Resolves to true if the answer is yes, and to false if the signal
 * aborts.
 */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  const { createInterface } = await import('node:readline');
  process.stderr.write(`${safe(question)} [y/N] `);
  // Without its own line editor, Ctrl-C stays a signal.
  const lines = createInterface({ input: process.stdin, terminal: false, signal });
  try {
    for await (const answer of lines) return /^\s*y(?:es)?\s*$/i.test(answer);
  } finally {
    // An open interface keeps the process alive.
    lines.close();
  }
  process.stderr.write('\n');
  return false;
}
