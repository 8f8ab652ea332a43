// Berth beside itself: two ways of the same thing, measured in turn.
import type { Unit } from "../measures/measure.ts";

export interface Comparison {
  readonly name: string;
  readonly unit: Unit | "statements";
  /** What the two sides are. */
  readonly base: string;
  readonly other: string;
  /** Other to base: at least so much where more is better, at most so much where less is. Undefined: it is only shown. */
  readonly ratio?: number;
  /** By how much the other side may be above the base. */
  readonly more?: number;
}

/** The figures of a comparison in each round. */
export interface Compared {
  readonly comparison: Comparison;
  readonly base: number[];
  readonly other: number[];
  /** With how many processes the two serve. */
  processes: string;
}

export interface OwnRun {
  readonly compared: readonly Compared[];
  readonly missing: readonly string[];
  /** Sentences about what was compared. */
  readonly notes: readonly string[];
}

/** Takes figures of comparisons, and knows which are asked for. */
export interface Book {
  wants(...comparisons: readonly Comparison[]): boolean;
  add(
    comparison: Comparison,
    figures: { readonly base?: number; readonly other: number; readonly processes: string },
  ): void;
  miss(sentence: string): void;
  note(sentence: string): void;
}
