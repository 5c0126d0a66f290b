import type { SerialSettings } from '#contract/workbench-scan.ts'

/** Settings that devices leave the factory with, the most frequent first. */
export const likelySettings: readonly SerialSettings[] = [
  { baud: 9600, parity: 'none', stopBits: 1 },
  { baud: 19_200, parity: 'even', stopBits: 1 },
  { baud: 19_200, parity: 'none', stopBits: 1 },
  { baud: 115_200, parity: 'none', stopBits: 1 },
  { baud: 9600, parity: 'even', stopBits: 1 },
  { baud: 38_400, parity: 'none', stopBits: 1 },
  { baud: 2400, parity: 'none', stopBits: 1 },
  { baud: 57_600, parity: 'none', stopBits: 2 },
]

/** Unit IDs of a serial line that devices leave the factory with, the most frequent first. */
export const likelyUnitIds: readonly number[] = [1, 247, 71, 2, 3, 100, 200, 126, 127, 85, 61, 50, 5, 6, 11, 4, 10, 20]

/** As 9600 8N1. */
export function settingsText({ baud, parity, stopBits }: SerialSettings): string {
  return `${baud} 8${{ none: 'N', even: 'E', odd: 'O' }[parity]}${stopBits}`
}

/** All unit IDs of a serial line, the likely ones first. */
export function unitOrder(alsoLikely: readonly number[] = []): number[] {
  const all = Array.from({ length: 247 }, (_, index) => index + 1)
  return [...new Set([...likelyUnitIds, ...alsoLikely, ...all])].filter((unitId) => unitId >= 1 && unitId <= 247)
}
