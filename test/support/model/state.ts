/**
 * The state of the model of SPEC.md 11.1 and 11.2. Objects are bits of a number, refs name sets of
 * them, and all knowledge of an actor is in its record. A state is never changed: an action returns
 * the next one.
 */
import type { World } from './worlds.js';

export const OBJECTS = 6;
/** The epoch at the start: objects that exist then were born before it. */
const FIRST_EPOCH = 2;
/** The step of an actor that has ended. */
export const DONE = 99;

export interface Ref {
  exists: boolean;
  epoch: number;
  names: number;
  /** Changes with every swap. */
  version: number;
}

export interface Epoch {
  version: number;
  k: number;
  condemned: number;
}

/** The knowledge of an actor, and the step of its program that comes next. */
export interface Actor {
  step: number;
  attempts: number;
  token: Ref | undefined;
  /** The epoch as this actor read or wrote it last. */
  pin: Epoch | undefined;
  /** Existing objects that the actor will name. */
  names: number;
  /** The object that the actor puts. Undefined if it has no name yet. */
  own: number | undefined;
  /** The epoch of the index, or of the source, from which `names` were learnt. */
  learntAt: number;
  listed: number;
  marked: number;
  condemned: number;
  /** The ref that a collector or a repack looks at. */
  at: number;
}

export interface State {
  /** Objects that exist. */
  present: number;
  /** Birth epochs, by object. Undefined for a name that was never used. */
  births: readonly (number | undefined)[];
  refs: readonly Ref[];
  epoch: Epoch;
  /** The writers' index: its epoch, and objects that it has. */
  index: { epoch: number; names: number };
  actors: readonly Actor[];
  /** The newest version of any cell. */
  clock: number;
}

export const bits = (items: readonly number[]): number => items.reduce((all, item) => all | (1 << item), 0);
export const has = (set: number, item: number): boolean => (set & (1 << item)) !== 0;
export const itemsOf = (set: number): number[] => Array.from({ length: OBJECTS }, (_, i) => i).filter((i) => has(set, i));

/** Returns the objects that the refs reach. */
export const reached = ({ refs }: Pick<State, 'refs'>): number => refs.reduce((all, { names }) => all | names, 0);

export const idle: Actor = {
  step: 0,
  attempts: 0,
  token: undefined,
  pin: undefined,
  names: 0,
  own: undefined,
  learntAt: 0,
  listed: 0,
  marked: 0,
  condemned: 0,
  at: 0,
};

/** Returns the state in which a world begins. An index has learnt of every object. */
export function initialState({ refs, garbage = [], actors }: World): State {
  const present = bits([...refs.flatMap((each) => each ?? []), ...garbage]);
  return {
    present,
    births: Array.from({ length: OBJECTS }, (_, i) => (has(present, i) ? 1 : undefined)),
    refs: refs.map((names, i) => ({ exists: names !== undefined, epoch: names ? 1 : 0, names: bits(names ?? []), version: -i })),
    epoch: { version: 0, k: FIRST_EPOCH, condemned: 0 },
    index: { epoch: FIRST_EPOCH, names: present },
    actors: actors.map(() => idle),
    clock: 0,
  };
}

/** A state, and the actor that takes the next step. */
export class Moment {
  constructor(
    readonly state: State,
    readonly who: number,
  ) {}

  get me(): Actor {
    return this.state.actors[this.who] as Actor;
  }

  ref(i: number): Ref {
    return this.state.refs[i] as Ref;
  }

  /** Changes the knowledge of the actor. */
  know(change: Partial<Actor>): Moment {
    return this.change({ actors: this.state.actors.with(this.who, { ...this.me, ...change }) });
  }

  change(change: Partial<State>): Moment {
    return new Moment({ ...this.state, ...change }, this.who);
  }

  end(): Moment {
    return this.know({ ...idle, step: DONE });
  }

  /** Swaps a ref. Returns undefined if the token is not the ref's newest version. */
  swap(i: number, token: Ref, change: Partial<Ref>): Moment | undefined {
    if (this.ref(i).version !== token.version) return undefined;
    const clock = this.state.clock + 1;
    return this.change({ refs: this.state.refs.with(i, { ...token, exists: true, ...change, version: clock }), clock });
  }

  /**
   * Swaps the epoch from the version that the actor knows. Returns undefined if that version is not
   * the newest.
   */
  swapEpoch(k: number, condemned: number): Moment | undefined {
    if (this.state.epoch.version !== this.me.pin?.version) return undefined;
    const clock = this.state.clock + 1;
    const epoch = { k, condemned, version: clock };
    return this.change({ epoch, clock }).know({ pin: epoch });
  }

  /** Returns the current ref. Creates the ref first if it does not exist. */
  readToken(to: number): Moment {
    if (this.ref(to).exists) return this.know({ token: this.ref(to) });
    const made = this.swap(to, this.ref(to), {}) as Moment;
    return made.know({ token: made.ref(to) });
  }

  readEpoch(): Moment {
    return this.know({ pin: this.state.epoch });
  }

  /** Puts the actor's object. */
  put(): Moment {
    return this.change({ present: this.state.present | (1 << (this.me.own as number)) });
  }

  /** Restarts the program after a swap that lost, a few times. */
  again(most = 2): Moment {
    const attempts = this.me.attempts + 1;
    return attempts < most ? this.know({ ...idle, attempts }) : this.end();
  }
}

/**
 * Returns the same text for states that no step distinguishes. Of versions only their equality with
 * the newest one counts.
 */
export function keyOf({ present, births, refs, epoch, index, actors }: State): string {
  const parts = [present, epoch.k, epoch.condemned, index.epoch, index.names];
  for (const birth of births) parts.push(birth === undefined ? 0 : birth + 1);
  for (const { exists, epoch: at, names } of refs) parts.push(exists ? 1 : 0, at, names);
  for (const { step, attempts, token, pin, names, own, learntAt, listed, marked, condemned, at } of actors) {
    parts.push(step);
    if (step === DONE) continue;
    parts.push(attempts, names, own === undefined ? 0 : own + 1, learntAt, listed, marked, condemned, at);
    if (token === undefined) parts.push(0);
    else parts.push(refs.some(({ version }) => version === token.version) ? 1 : 2, token.epoch, token.names);
    if (pin === undefined) parts.push(0);
    else parts.push(pin.version === epoch.version ? 1 : 2, pin.k, pin.condemned);
  }
  return String.fromCharCode(...parts);
}
