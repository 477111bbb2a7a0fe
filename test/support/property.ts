/** fast-check properties as assertions of ava. */
import type { ExecutionContext } from 'ava';
import fc from 'fast-check';

/**
 * Asserts that the property holds. The message of a failure has the counterexample and its outcome.
 */
export async function holds<Values>(
  t: ExecutionContext,
  property: fc.IRawProperty<Values>,
  parameters: fc.Parameters<Values> = {},
): Promise<void> {
  const result = await fc.check(property as fc.IAsyncProperty<Values>, parameters);
  if (!result.failed) {
    t.pass();
    return;
  }
  const error = result.errorInstance;
  t.log(error instanceof Error ? error.stack : error);
  t.fail(fc.defaultReportMessage(result));
}
