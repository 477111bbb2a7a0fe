/** The command that works in a mounted directory, which may outlive the process that mounted it. */
import { BrowserStateError } from '../base/errors.js';
import type { OwnerState } from '../base/owners.js';
import type { LocalReplica } from '../session/replica/local.js';

/** Returns whether the command of a note still runs, and a process of it; one that was never noted is gone. */
export async function commandState(
  local: Pick<LocalReplica, 'host' | 'owners'>,
  command: string | undefined,
): Promise<{ state: OwnerState; pid?: number | undefined }> {
  if (command === undefined) return { state: 'gone' };
  const living = local.host.commandProcesses(command);
  if (living === undefined) return { state: await local.owners.state(command) };
  const [pid] = living;
  return pid === undefined ? { state: 'gone' } : { state: 'running', pid };
}

/** Throws BUSY if the command still runs. */
export async function rejectRunningCommand(local: LocalReplica, dir: string, command: string | undefined): Promise<void> {
  const { state, pid } = await commandState(local, command);
  if (state !== 'running') return;
  const process = pid === undefined ? '' : ` (process ${pid})`;
  throw new BrowserStateError('BUSY', `${dir}: its command${process} still runs in this directory`, {
    details: { path: dir, ...(pid !== undefined && { pid }) },
    hint: `Wait for it to end${pid === undefined ? '' : `, or end it with \`kill -INT ${pid}\``}; then it can be recovered.`,
  });
}
