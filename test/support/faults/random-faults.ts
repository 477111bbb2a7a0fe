/** Faults of a bad network, drawn from a seed. */
import { dice } from '../dice.js';
import type { FaultHook } from './http-proxy.js';

export interface FaultRates {
  /**
   * Parts of all requests, from 0 to 1: requests that never reach the server, that are answered by
   * 503, and whose response is lost.
   */
  dropped?: number;
  refused?: number;
  unanswered?: number;
  /** The part of all requests that is late, by up to `maxDelayMs`. */
  delayed?: number;
  maxDelayMs?: number;
}

/**
 * Returns a hook that draws a fault for every request. The same seed and order of requests draw the
 * same faults.
 */
export function randomFaults(seed: number, rates: FaultRates): FaultHook {
  const { dropped = 0, refused = 0, unanswered = 0, delayed = 0, maxDelayMs = 0 } = rates;
  const roll = dice(seed);
  return () => {
    let drawn = roll(1_000_000) / 1_000_000;
    const falls = (rate: number): boolean => {
      drawn -= rate;
      return drawn < 0;
    };
    if (falls(dropped)) return roll(2) === 0 ? 'drop' : 'cut-before';
    if (falls(refused)) return '503';
    if (falls(unanswered)) return 'cut-after';
    if (falls(delayed)) return { delayMs: roll(maxDelayMs + 1) };
    return 'pass';
  };
}
