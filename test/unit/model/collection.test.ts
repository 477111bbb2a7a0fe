/**
 * The protocol by which writers and collectors share a repository (SPEC.md 11.1, 11.2: R-GC-1,
 * R-GC-3 to R-GC-8). The protocol is explored state by state. So are its mutants, which must be
 * caught.
 */
import test from 'ava';
import { explore } from '../../support/model/explore.js';
import { type Weakening, type World, weakenings, worlds } from '../../support/model/worlds.js';

const deleted = 'a ref names a deleted object';
const young = 'a ref names what was born after its epoch';

/** The world that shows each mutant, and the invariant that the mutant breaks there. */
const caught: Record<Weakening, [world: string, invariant: string]> = {
  'refs are not stamped': ['a commit, a delete', deleted],
  'refs are not marked again': ['a commit, a delete', deleted],
  'a ref is created after the objects': ['two commits, one to a new ref', deleted],
  'a name is used again': ['a commit and two collectors, one of them killed', deleted],
  'an index is believed under any epoch': ['a commit, a delete', deleted],
  'an index has what was born after its epoch': ['a repack and a commit', young],
  'condemned names are used': ['a commit of a condemned name', deleted],
  'the list is emptied in the same epoch': ['a commit of a condemned name', deleted],
  'the epoch is not read again before objects are deleted': ['a merge of a condemned name', deleted],
  'the token is read after the epoch': ['a commit, a delete', deleted],
  'objects of the epoch are no candidates': ['a commit, a delete', 'a collection leaves garbage'],
  'a collector goes on after a later one': ['a new session and two collectors', young],
  'a push does not compare the epoch': ['a push, a delete', deleted],
  'a fork reads its source before the epoch': ['a fork of a condemned name', deleted],
  'a fork does not compare its epochs': ['a fork that reads the epoch twice, of a condemned name', deleted],
  'a fork names what is condemned': ['a fork of a condemned name', deleted],
  'a fork carries only its own epoch': ['a repack and a fork', young],
  'a fork waits for the list to be emptied': ['a fork after a collector was killed', 'a fork is not made'],
  'a merge names what is condemned': ['a merge of a condemned name', deleted],
  'a repack reads the token after the epoch': ['a repack and a commit', deleted],
  'a repack keeps its epoch for the next ref': ['a repack of two refs', deleted],
  'a repack names what is condemned': ['a repack of two refs', deleted],
  'a repack does not carry the epoch': ['a repack of two refs', young],
  'a repack deletes the old object': ['a repack and a commit', deleted],
};

for (const [name, world] of Object.entries(worlds)) {
  test(`no order of the steps breaks an invariant: ${name}`, (t) => {
    const { states, violation } = explore(world);
    t.log(`${states.toLocaleString('en')} states`);
    t.is(violation, undefined);
  });
}

for (const weakening of weakenings) {
  const [name, invariant] = caught[weakening];
  test(`a mutant is caught: ${weakening}`, (t) => {
    const { states, violation } = explore(worlds[name] as World, weakening);
    t.log(`${name}: after ${states.toLocaleString('en')} states and ${violation?.steps.length ?? 0} steps`);
    t.is(violation?.invariant, invariant);
  });
}
