/** Actions of the model's writers: commit, push, fork, merge, delete and repack (SPEC.md 11.1). */
import { type Epoch, has, itemsOf, type Moment, type Ref, reached } from './state.js';
import type { Weakening } from './worlds.js';

/**
 * Returns every moment that one step of an actor may lead to. Returns none if the actor has ended.
 */
export type Program = (now: Moment, without: Weakening | undefined) => Moment[];

/** Returns the epoch under which a writer's objects are born. */
const birth = ({ me: { token, pin } }: Moment): number => Math.max(token?.epoch ?? 0, pin?.k ?? 0);

/**
 * Gives the actor's new object a name that was never used. By the weakening, the object gets a
 * deleted name.
 */
function nameOwn(now: Moment, without: Weakening | undefined): Moment[] {
  const { births, present } = now.state;
  const gone = births.findIndex((each, i) => each !== undefined && !has(present, i));
  const own = without === 'a name is used again' && gone !== -1 ? gone : births.indexOf(undefined);
  // A world has few names, and this run would need another name.
  if (own === -1) return [now.end()];
  return [now.know({ own }).change({ births: births.with(own, birth(now)) })];
}

/** Adds the named objects and the actor's own to a ref, and then records the own in the index. */
function addToRef(now: Moment, to: number): Moment {
  const { token, names, own } = now.me;
  const epoch = birth(now);
  const swapped = now.swap(to, token as Ref, { names: (token as Ref).names | names | (1 << (own as number)), epoch });
  if (swapped === undefined) return now.again();
  return record(swapped, epoch).end();
}

/** Records the actor's own object in the index, which an older or newer index replaces. */
function record(now: Moment, epoch: number): Moment {
  const { index } = now.state;
  const known = index.epoch === epoch ? index.names : 0;
  return now.change({ index: { epoch, names: known | (1 << (now.me.own as number)) } });
}

/** A commit: token, pin, put, swap. It may name one object that the index has. */
export function commit(to: number, reuses: boolean): Program {
  return (now, without) => {
    const { step, pin } = now.me;
    const isLate = without === 'a ref is created after the objects' && !now.ref(to).exists;
    const isReversed = without === 'the token is read after the epoch' && reuses;
    const readToken = () => (isLate ? now.know({ token: now.ref(to) }) : now.readToken(to));
    if (step === 0) return [(isReversed ? now.readEpoch() : readToken()).know({ step: reuses ? 1 : 2 })];
    if (step === 1) return [(isReversed ? readToken() : now.readEpoch()).know({ step: 2 })];
    if (step === 2) {
      const learnt = reuses ? lookUp(now, pin as Epoch, without) : now;
      const usable = reuses ? learnt.state.index.names & ~(without === 'condemned names are used' ? 0 : (pin as Epoch).condemned) : 0;
      const choices = [0, ...itemsOf(usable).map((each) => 1 << each)];
      return choices.flatMap((names) => nameOwn(learnt.know({ names, step: 3 }), without));
    }
    if (step === 3) return [now.put().know({ step: 4 })];
    return [addToRef(now, to)];
  };
}

/**
 * Rebuilds the index from all refs if the index was learnt under another epoch than the pinned one.
 */
function lookUp(now: Moment, { k }: Epoch, without: Weakening | undefined): Moment {
  if (now.state.index.epoch === k || without === 'an index is believed under any epoch') return now;
  // A ref of a later epoch may name objects that were born after k.
  const refs = now.state.refs.filter(({ epoch }) => epoch <= k || without === 'an index has what was born after its epoch');
  return now.change({ index: { epoch: k, names: reached({ refs }) } });
}

/** A push: like a commit, but it uploads while the epoch is on its way (R-SYNC-2). */
export function push(to: number): Program {
  return (now, without) => {
    const { step, token, pin, names, learntAt } = now.me;
    if (step === 0) return [now.readToken(to).know({ step: 1 })];
    if (step === 1) {
      const { epoch, names: known } = now.state.index;
      return itemsOf(known).flatMap((each) => nameOwn(now.know({ names: 1 << each, learntAt: epoch, step: 2 }), without));
    }
    if (step === 2) return [record(now.put(), Math.max(token?.epoch ?? 0, learntAt)).know({ step: 3 })];
    if (step === 3) return [now.readEpoch().know({ step: 4 })];
    const { k, condemned } = pin as Epoch;
    const isUsable = (k === learntAt && (names & condemned) === 0) || without === 'a push does not compare the epoch';
    return [isUsable ? addToRef(now, to) : now.again()];
  };
}

/**
 * A fork or a merge: names what another ref reaches (R-GC-5). A fork that reads the epoch twice
 * does so before the token and after the source, and starts over if k has changed.
 */
export function adopt(does: 'fork' | 'merge', from: number, to: number, readsTwice: boolean): Program {
  return (now, without) => {
    const { step, pin, token, names, learntAt } = now.me;
    const readSource = () => now.know({ names: now.ref(from).names, learntAt: now.ref(from).epoch });
    const isReversed = readsTwice || without === 'a fork reads its source before the epoch';
    switch (step) {
      case 0:
        return [(readsTwice ? now.readEpoch() : now).know({ step: 1 })];
      case 1:
        return [now.readToken(to).know({ step: 2 })];
      case 2:
        return [(isReversed ? readSource() : now.readEpoch()).know({ step: 3 })];
      case 3: {
        if (!isReversed) return [readSource().know({ step: 4 })];
        const isOther = readsTwice && now.state.epoch.k !== pin?.k && without !== 'a fork does not compare its epochs';
        return [isOther ? now.again() : now.readEpoch().know({ step: 4 })];
      }
      case 4: {
        const { k, condemned } = pin as Epoch;
        if ((names & condemned) !== 0 && without !== `a ${does} names what is condemned`) return [now.know({ step: 5 })];
        const epoch = without === 'a fork carries only its own epoch' ? k : Math.max(k, learntAt);
        const swapped = now.swap(to, token as Ref, { names: (token as Ref).names | names, epoch });
        return [swapped === undefined ? now.again() : swapped.end()];
      }
      default: {
        const { k } = pin as Epoch;
        const emptied = without === 'a fork waits for the list to be emptied' ? undefined : now.swapEpoch(k + 1, 0);
        return [(emptied ?? now).again()];
      }
    }
  };
}

export function remove(to: number): Program {
  return (now) => {
    const { step, token } = now.me;
    if (step === 0) return [now.know({ token: now.ref(to), step: 1 })];
    const swapped = now.swap(to, token as Ref, { names: 0 });
    return [swapped === undefined ? now.again() : swapped.end()];
  };
}

/**
 * A repack: stores the content of the object `old` as a new object, and swaps each ref that names
 * the old one (R-GC-6). The old one is left to a collection.
 */
export function repack(old: number, refs: readonly number[]): Program {
  return (now, without) => {
    const { step, attempts, at, token, pin, own } = now.me;
    const to = refs[at];
    if (to === undefined) return [now.end()];
    const isReversed = without === 'a repack reads the token after the epoch';
    const readToken = () => now.know({ token: now.ref(to) });
    if (step === 0) {
      if (!has(now.ref(to).names, old)) return [now.know({ at: at + 1 })];
      return [(isReversed ? now.readEpoch() : readToken()).know({ step: 1 })];
    }
    if (step === 1) {
      const isKept = without === 'a repack keeps its epoch for the next ref' && pin !== undefined;
      return [(isReversed ? readToken() : isKept ? now : now.readEpoch()).know({ step: 2 })];
    }
    const { k, condemned } = pin as Epoch;
    if (step === 2) {
      const isUsable = own !== undefined && now.state.births[own] === k && !has(condemned, own);
      if (isUsable || (own !== undefined && without === 'a repack names what is condemned')) return [now.know({ step: 4 })];
      // The ref has changed, because the old object is gone.
      if (!has(now.state.present, old)) return [now.end()];
      return nameOwn(now.know({ step: 3 }), without);
    }
    if (step === 3) return [now.put().know({ step: 4 })];
    if (step === 5) return [now.change({ present: now.state.present & ~(1 << old) }).know({ step: 0, at: at + 1 })];
    const from = token as Ref;
    const epoch = without === 'a repack does not carry the epoch' ? from.epoch : k;
    const swapped = now.swap(to, from, { names: (from.names & ~(1 << old)) | (1 << (own as number)), epoch });
    if (swapped === undefined) return [attempts < 1 ? now.know({ step: 0, attempts: attempts + 1 }) : now.end()];
    const isLast = at === refs.length - 1;
    if (isLast && without === 'a repack deletes the old object') return [swapped.know({ step: 5 })];
    return [swapped.know({ step: 0, at: at + 1 })];
  };
}
