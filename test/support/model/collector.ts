/** The collector of the model, step by step as in SPEC.md 11.2. */
import { bits, type Epoch, itemsOf, type Moment, OBJECTS, type Ref } from './state.js';
import type { Weakening } from './worlds.js';
import type { Program } from './writers.js';

/** Collects garbage. Condemns at most that many names. */
export function collect(most = OBJECTS): Program {
  return (now, without) => {
    const { step, pin, listed, marked, condemned } = now.me;
    const { refs, present, epoch } = now.state;
    const existing = () => bits(refs.flatMap(({ exists }, i) => (exists ? [i] : [])));
    switch (step) {
      // 1. The epoch, the objects, the refs; a mark of each ref.
      case 0:
        return [now.readEpoch().know({ step: 1 })];
      case 1:
        return [now.know({ condemned: present, step: 2 })];
      case 2:
        return [now.know({ listed: existing(), step: 3 })];
      case 3:
        if (listed === 0) return [now.know({ condemned: candidates(now, most, without), step: 4 })];
        return itemsOf(listed).map((at) => now.know({ marked: marked | now.ref(at).names, listed: listed & ~(1 << at) }));
      // 2. The candidates are condemned.
      case 4:
        return [condemn(now, without)];
      // 3. The fence, which lists the refs again; 4. the second mark.
      case 5:
        return [now.know({ listed: existing(), step: 6 })];
      case 6:
        if (listed === 0) return [now.know({ step: 7 })];
        return itemsOf(listed).map((at) => fence(now, at, without));
      // 5. The epoch is read again.
      case 7:
        if (epoch.version !== pin?.version && without !== 'the epoch is not read again before objects are deleted') return [now.end()];
        return [now.know({ step: 8 })];
      // 6. The deletes, one by one.
      case 8: {
        const doomed = itemsOf(condemned & ~marked);
        if (doomed.length === 0) return [now.know({ step: 9 })];
        return doomed.map((each) => now.change({ present: present & ~(1 << each) }).know({ condemned: condemned & ~(1 << each) }));
      }
      // 7. The list is emptied.
      default: {
        const { k } = pin as Epoch;
        return [(now.swapEpoch(without === 'the list is emptied in the same epoch' ? k : k + 1, 0) ?? now).end()];
      }
    }
  };
}

/** Returns which of the listed objects are candidates: those that no ref was seen to name. */
function candidates({ state, me }: Moment, most: number, without: Weakening | undefined): number {
  const { k } = me.pin as Epoch;
  const isYoung = (item: number) => without === 'objects of the epoch are no candidates' && (state.births[item] as number) >= k;
  const unmarked = itemsOf(me.condemned & ~me.marked).filter((each) => !isYoung(each));
  return bits(unmarked.slice(0, most));
}

function condemn(now: Moment, without: Weakening | undefined): Moment {
  const { pin, condemned, marked } = now.me;
  const { k, condemned: before } = pin as Epoch;
  if (condemned === 0 && before === 0) return now.end();
  const swapped = now.swapEpoch(k + 1, condemned);
  if (swapped === undefined || condemned === 0) return (swapped ?? now).end();
  return swapped.know({ step: 5, marked: without === 'refs are not marked again' ? marked : 0 });
}

/** Stamps a ref with the new epoch, and marks the objects that the ref names. */
function fence(now: Moment, at: number, without: Weakening | undefined): Moment {
  const { pin, marked, listed } = now.me;
  const { k } = pin as Epoch;
  const ref: Ref = now.ref(at);
  if (ref.epoch > k && without !== 'a collector goes on after a later one') return now.end();
  const isFenced = ref.epoch === k || without === 'refs are not stamped';
  const stamped = isFenced ? now : (now.swap(at, ref, { epoch: k }) as Moment);
  return stamped.know({ marked: without === 'refs are not marked again' ? marked : marked | ref.names, listed: listed & ~(1 << at) });
}
