/** A product as a person would write it: 0.1 times 0.1 is 0.01. */
export const multiply = (a: number, b: number): number => Number((a * b).toPrecision(12))
