/** The command that works in a mounted directory. It may outlive the process that mounted it. */
import { BrowserStateError } from '../base/errors.js';
import type { OwnerState } from '../base/owners.js';
import type { LocalReplica } from '../session/replica/local.js';

/** Returns whether the command of a note still runs, and one of its processes if known. */
export async function commandState(
  local: LocalReplica,
  command: string | undefined,
): Promise<{ state: OwnerState; pid?: number | undefined }> {
  if (command === undefined) return { state: 'gone' };
  const processes = local.host.commandProcesses(command);
  if (processes === undefined) return { state: await local.owners.state(command) };
  const [pid] = processes;
  return { state: pid === undefined ? 'gone' : 'running', pid };
}

/** Throws BUSY if the command still runs. */
export async function rejectRunningCommand(local: LocalReplica, dir: string, command: string | undefined): Promise<void> {
  const { state, pid } = await commandState(local, command);
  if (state !== 'running') return;
  const [process, end] = pid === undefined ? ['', ''] : [` (process ${pid})`, `, or end it with \`kill -INT ${pid}\``];
  throw new BrowserStateError('BUSY', `${dir}: its command${process} still runs in this directory`, {
    details: { path: dir, ...(pid !== undefined && { pid }) },
    hint: `Wait for it to end${end}; then it can be recovered.`,
  });
}
