import type { SerialSettings } from '#contract/workbench-scan.ts'

/** Settings of a line as the trade writes them: 9600 8N1. */
export function formatSettings({ baud, parity, stopBits }: SerialSettings): string {
  return `${baud} 8${{ none: 'N', even: 'E', odd: 'O' }[parity]}${stopBits}`
}

/** As part of a bus address. */
export const settingsQuery = ({ baud, parity, stopBits }: SerialSettings): string =>
  `baud=${baud}&parity=${{ none: 'N', even: 'E', odd: 'O' }[parity]}&stopbits=${stopBits}`
