/**
 * Exploration of the model. It takes every order of the steps of a world's actors, and kills those
 * that may die at every step. Each state is checked for the invariants.
 */
import { collect } from './collector.js';
import { DONE, idle, initialState, keyOf, Moment, reached, type State } from './state.js';
import type { Weakening, World } from './worlds.js';
import { adopt, commit, type Program, push, remove, repack } from './writers.js';

/** Outcome of an exploration. */
export interface Explored {
  states: number;
  /** The broken invariant and the steps that lead to it. Undefined if none is broken. */
  violation: { invariant: string; steps: string[] } | undefined;
}

function programOf(actor: World['actors'][number]): Program {
  switch (actor.does) {
    case 'commit':
      return commit(actor.to, actor.reuses ?? false);
    case 'push':
      return push(actor.to);
    case 'fork':
    case 'merge':
      return adopt(actor.does, actor.from, actor.to, actor.readsTwice ?? false);
    case 'delete':
      return remove(actor.to);
    case 'repack':
      return repack(actor.old, actor.refs);
    case 'collect':
      return collect(actor.most);
  }
}

/** Returns the invariant that a state breaks, or undefined if it breaks none. */
function broken({ refs, present, births, epoch }: State): string | undefined {
  for (const ref of refs) {
    if ((ref.names & ~present) !== 0) return 'a ref names a deleted object';
    if (ref.epoch > epoch.k) return 'a ref has an epoch above k';
    if (births.some((birth, i) => (ref.names & (1 << i)) !== 0 && (birth as number) > ref.epoch))
      return 'a ref names what was born after its epoch';
  }
  return undefined;
}

/**
 * Runs one collector alone after all actors have ended. The collector must leave an empty list, and
 * no object that no ref reaches.
 */
function brokenAtEnd(state: State, { forked }: World, without: Weakening | undefined): string | undefined {
  if (forked !== undefined && state.refs[forked.from]?.names !== state.refs[forked.to]?.names) return 'a fork is not made';
  const program = collect();
  let now = new Moment({ ...state, actors: [idle] }, 0);
  while (now.me.step !== DONE) now = program(now, without)[0] as Moment;
  if (now.state.epoch.condemned !== 0) return 'a collection leaves its list';
  return now.state.present === reached(now.state) ? undefined : 'a collection leaves garbage';
}

/** Returns the moments after one step of an actor, which may be its death. */
function outcomes(now: Moment, program: Program, without: Weakening | undefined, dies: 'anywhere' | number | undefined): Moment[] {
  if (dies === now.me.step) return [now.end()];
  return dies === 'anywhere' ? [...program(now, without), now.end()] : program(now, without);
}

/** Takes every order of the steps, after those of the script. Stops at the first violation. */
export function explore(world: World, without?: Weakening): Explored {
  const programs = world.actors.map(programOf);
  const seen = new Map<string, 'open' | 'closed'>();
  const steps: string[] = [];
  const { script = [] } = world;
  /** Returns the invariant that is broken in the state or in a following state. */
  const visit = (state: State): string | undefined => {
    const key = `${Math.min(steps.length, script.length)}${keyOf(state)}`;
    const before = seen.get(key);
    if (before !== undefined) return before === 'open' ? 'a run does not end' : undefined;
    seen.set(key, 'open');
    const found = broken(state) ?? follow(state);
    seen.set(key, 'closed');
    return found;
  };
  const follow = (state: State): string | undefined => {
    const scripted = script[steps.length];
    let isAtRest = true;
    for (const [who, program] of programs.entries()) {
      const now = new Moment(state, who);
      if (now.me.step === DONE) continue;
      isAtRest = false;
      if (scripted !== undefined && scripted !== who) continue;
      const actor = world.actors[who];
      for (const next of outcomes(now, program, without, scripted === undefined ? actor?.dies : undefined)) {
        steps.push(`${who} (${actor?.does}): step ${now.me.step}`);
        const found = visit(next.state);
        if (found !== undefined) return found;
        steps.pop();
      }
    }
    return isAtRest ? brokenAtEnd(state, world, without) : undefined;
  };
  const invariant = visit(initialState(world));
  return { states: seen.size, violation: invariant === undefined ? undefined : { invariant, steps } };
}
