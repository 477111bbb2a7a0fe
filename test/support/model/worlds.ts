/** The worlds that the model explores, and the weakenings of the protocol that it must catch. */

/** A rule of the protocol that a mutant leaves out. */
export type Weakening = (typeof weakenings)[number];
export const weakenings = [
  'refs are not stamped',
  'refs are not marked again',
  'a ref is created after the objects',
  'a name is used again',
  'an index is believed under any epoch',
  'an index has what was born after its epoch',
  'condemned names are used',
  'the list is emptied in the same epoch',
  'the epoch is not read again before objects are deleted',
  'the token is read after the epoch',
  'objects of the epoch are no candidates',
  'a collector goes on after a later one',
  'a push does not compare the epoch',
  'a fork reads its source before the epoch',
  'a fork does not compare its epochs',
  'a fork names what is condemned',
  'a fork carries only its own epoch',
  'a fork waits for the list to be emptied',
  'a merge names what is condemned',
  'a repack reads the token after the epoch',
  'a repack keeps its epoch for the next ref',
  'a repack names what is condemned',
  'a repack does not carry the epoch',
  'a repack deletes the old object',
] as const;

export interface World {
  /** Objects that each ref names at the start. Undefined for a ref that does not exist yet. */
  refs: readonly (readonly number[] | undefined)[];
  /** Objects that no ref names at the start. */
  garbage?: readonly number[];
  actors: readonly (Task & { dies?: 'anywhere' | number })[];
  /** The actors that take the first steps, in that order. Every order of the others follows. */
  script?: readonly number[];
  /** A ref that names the same objects as another ref when all actors have ended. */
  forked?: { from: number; to: number };
}

/**
 * The work of an actor. `from` is the ref whose objects it names, `to` the ref that it changes. An
 * actor that `dies` is killed before any step, or before that step of its program.
 */
type Task =
  | { does: 'commit'; to: number; reuses?: boolean }
  | { does: 'push'; to: number }
  | { does: 'fork' | 'merge'; from: number; to: number; readsTwice?: boolean }
  | { does: 'delete'; to: number }
  | { does: 'repack'; old: number; refs: readonly number[] }
  | { does: 'collect'; most?: number };

const steps = (...turns: [who: number, count: number][]): number[] => turns.flatMap(([who, count]) => new Array<number>(count).fill(who));

const [commitUnpinned, collect, dying] = [{ does: 'commit', to: 1 }, { does: 'collect' }, { does: 'collect', dies: 'anywhere' }] as const;
const commit = (to: number) => ({ does: 'commit', to, reuses: true }) as const;
const remove = (to: number) => ({ does: 'delete', to }) as const;

/**
 * Worlds that begin in the middle: a commit names the garbage after collector 1 has marked its ref,
 * and before it condemns the garbage. So a name is condemned that a ref reaches.
 */
const reachedAndCondemned = (marks: number) => ({ garbage: [0], script: steps([1, 4 + marks], [0, 5], [1, 1]) });

export const worlds: Readonly<Record<string, World>> = {
  'two commits, one to a new ref': { refs: [[0], undefined], garbage: [1], actors: [commit(0), commitUnpinned, collect] },
  'a commit, a delete': { refs: [[0], []], garbage: [1], actors: [commit(1), remove(0), collect] },
  'a push, a delete': { refs: [[0], []], garbage: [1], actors: [{ does: 'push', to: 1 }, remove(0), collect] },
  'a commit and two collectors, one of them killed': { refs: [[0]], garbage: [1], actors: [commit(0), dying, collect] },
  'a new session and two collectors': { refs: [[0], undefined], actors: [commitUnpinned, collect, collect] },
  'collectors that condemn one name each': {
    refs: [[]],
    garbage: [0, 1],
    actors: [commit(0), { ...dying, most: 1 }, { ...collect, most: 1 }],
  },
  'a fork, a delete and two collectors': {
    refs: [[0], undefined],
    actors: [{ does: 'fork', from: 0, to: 1, readsTwice: true }, remove(0), collect, dying],
  },
  'a commit of a condemned name': { refs: [[], []], actors: [commit(0), collect, remove(0), commit(1)], ...reachedAndCondemned(2) },
  'a fork of a condemned name': {
    refs: [[], undefined],
    actors: [commit(0), collect, remove(0), { does: 'fork', from: 0, to: 1 }],
    ...reachedAndCondemned(1),
  },
  'a fork that reads the epoch twice, of a condemned name': {
    refs: [[], undefined],
    actors: [commit(0), collect, remove(0), { does: 'fork', from: 0, to: 1, readsTwice: true }],
    ...reachedAndCondemned(1),
  },
  'a merge of a condemned name': {
    refs: [[], []],
    actors: [commit(0), collect, remove(0), { does: 'merge', from: 0, to: 1 }],
    ...reachedAndCondemned(2),
  },
  'a fork after a collector was killed': {
    refs: [[], undefined],
    actors: [commit(0), { does: 'collect', dies: 5 }, { does: 'fork', from: 0, to: 1 }],
    ...reachedAndCondemned(1),
    forked: { from: 0, to: 1 },
  },
  'a repack of two refs': { refs: [[0], [0]], actors: [{ does: 'repack', old: 0, refs: [0, 1] }, dying] },
  'a repack and a fork': {
    refs: [[0], undefined],
    actors: [{ does: 'repack', old: 0, refs: [0, 1] }, { does: 'fork', from: 0, to: 1 }, collect],
  },
  'a repack and a commit': { refs: [[0], [0]], actors: [{ does: 'repack', old: 0, refs: [0, 1] }, commit(0), collect] },
  'a repack, a merge and a collector that may be killed': {
    refs: [[0], [0]],
    actors: [{ does: 'repack', old: 0, refs: [0, 1] }, { does: 'merge', from: 0, to: 1 }, dying],
  },
  'two repacks of the same refs': {
    refs: [[0], [0]],
    actors: [{ does: 'repack', old: 0, refs: [0, 1] }, { does: 'repack', old: 0, refs: [1, 0] }, collect],
  },
};

/** Worlds with more actors, which take a minute each. */
export const largeWorlds: Readonly<Record<string, World>> = {
  'a commit, a push and a delete': {
    refs: [[0], []],
    garbage: [1],
    actors: [commit(0), { does: 'push', to: 1 }, remove(0), collect],
  },
  'a commit, a fork and a delete': {
    refs: [[0], undefined],
    garbage: [1],
    actors: [commit(0), { does: 'fork', from: 0, to: 1, readsTwice: true }, remove(0), collect],
  },
  'a commit, a delete and two collectors': { refs: [[0], []], actors: [commit(1), remove(0), dying, collect] },
  'a repack, a merge and two collectors': {
    refs: [[0], []],
    actors: [{ does: 'repack', old: 0, refs: [0, 1] }, { does: 'merge', from: 0, to: 1 }, collect, collect],
  },
};
