/**
 * The lines of descent in a history, drawn to the left of its commits. Each commit has one row.
 */

export interface Node {
  commit: string;
  parents: readonly string[];
}

/**
 * Returns the drawing of each commit, newest first. A lane leads from a commit down to its parent:
 *
 *     *─┐   a merge, and the two lanes of its parents
 *     │ *
 *     *─┘   a commit from which both began
 *
 * A parent that is not below its commit is not drawn.
 */
export function drawGraph(nodes: readonly Node[]): string[] {
  const places = new Map(nodes.map(({ commit }, i) => [commit, i]));
  /** The commits that the lanes lead to. Undefined for a free lane. */
  const lanes: (string | undefined)[] = [];
  return nodes.map(({ commit, parents }, at) => {
    const own = lanes.includes(commit) ? lanes.indexOf(commit) : free(lanes, 0);
    const ended = lanes.flatMap((target, i) => (target === commit && i !== own ? [i] : []));
    const [first, ...others] = [...new Set(parents)].filter((parent) => (places.get(parent) ?? -1) > at);
    for (const i of [own, ...ended]) lanes[i] = undefined;
    const through = lanes.map((target) => target !== undefined);
    lanes[own] = first;
    const begun = others.map((parent) => {
      const lane = lanes.includes(parent) ? lanes.indexOf(parent) : free(lanes, own + 1);
      lanes[lane] = parent;
      return lane;
    });
    const row = drawRow({ own, ended, begun, through });
    while (lanes.length > 0 && lanes.at(-1) === undefined) lanes.pop();
    return row;
  });
}

/** Returns the first free lane from `start` on. */
function free(lanes: readonly (string | undefined)[], start: number): number {
  const found = lanes.findIndex((target, i) => i >= start && target === undefined);
  return found === -1 ? Math.max(start, lanes.length) : found;
}

interface Row {
  own: number;
  /** Lanes that come from above and end in the commit. */
  ended: readonly number[];
  /** Lanes that lead from the commit down. */
  begun: readonly number[];
  /** For each lane, whether it passes the commit. */
  through: readonly boolean[];
}

function drawRow({ own, ended, begun, through }: Row): string {
  const joined = [own, ...ended, ...begun];
  const [left, right] = [Math.min(...joined), Math.max(...joined)];
  let row = '';
  for (let i = 0; i < Math.max(right + 1, through.length); i++) {
    const [isInside, up, down] = [i > left && i < right, through[i] || ended.includes(i), through[i] || begun.includes(i)];
    const isJoined = ended.includes(i) || begun.includes(i);
    if (i === own) row += '*';
    else row += symbol({ up, down, left: isInside || (isJoined && i > own), right: isInside || (isJoined && i < own) });
    row += i >= left && i < right ? '─' : ' ';
  }
  return row.trimEnd();
}

function symbol({ up, down, left, right }: { up: boolean; down: boolean; left: boolean; right: boolean }): string {
  const index = (up ? 8 : 0) + (down ? 4 : 0) + (left ? 2 : 0) + (right ? 1 : 0);
  return ' ??─?┌┐┬?└┘┴│├┤┼'.charAt(index);
}
