/**
 * Spans: byte ranges of packs that are fetched at once. Close frames are one request, since a round
 * trip costs more than the bytes between them.
 */
import { MAX_SPAN, MAX_SPAN_GAP } from '../../base/limits.js';
import { compareFrames, compareNames, type Frame, type ObjectName } from '../../format/locator.js';

/** A run of a pack's bytes that is fetched at once. */
export interface Span {
  pack: ObjectName;
  start: number;
  end: number;
  /** The frames in the span, in order. */
  frames: Frame[];
}

export interface SpanRule {
  /** Bytes between two frames that are always fetched along. */
  gap: number;
  /** Bytes of a span, after which the next span starts. */
  span: number;
  /**
   * Target number of spans. Wider gaps are fetched along, the narrowest first, until the target is
   * reached, or until there is one span per pack.
   */
  ranges: number;
}

/** The rule for packs on this machine: requests are cheap and spans are kept in memory. */
export const homeSpans: SpanRule = { gap: MAX_SPAN_GAP, span: MAX_SPAN, ranges: Number.POSITIVE_INFINITY };

export function planSpans(frames: Iterable<Frame>, rule: SpanRule): Span[] {
  const sorted = [...frames].sort(compareFrames);
  const gap = Math.max(rule.gap, widestGap(sorted, rule.ranges));
  const spans: Span[] = [];
  let span: Span | undefined;
  for (const frame of sorted) {
    const alone = spanOf(frame);
    const isNear = span !== undefined && compareNames(span.pack, frame.pack) === 0 && frame.offset - span.end <= gap;
    if (span !== undefined && isNear && alone.end - span.start <= rule.span) {
      span.end = alone.end;
      span.frames.push(frame);
    } else {
      span = alone;
      spans.push(span);
    }
  }
  return spans;
}

/** Returns the span of a frame that is fetched alone. */
export function spanOf(frame: Frame): Span {
  return { pack: frame.pack, start: frame.offset, end: frame.offset + frame.storedLength, frames: [frame] };
}

/** Returns the widest gap to close so that the gaps left open make `ranges` spans. */
function widestGap(sorted: readonly Frame[], ranges: number): number {
  if (ranges === Number.POSITIVE_INFINITY) return 0;
  const gaps: number[] = [];
  let packs = 0;
  sorted.forEach((frame, i) => {
    const last = sorted[i - 1];
    if (last === undefined || compareNames(last.pack, frame.pack) !== 0) packs++;
    else gaps.push(frame.offset - last.offset - last.storedLength);
  });
  return gaps.sort((a, b) => b - a)[Math.max(0, ranges - packs)] ?? 0;
}
