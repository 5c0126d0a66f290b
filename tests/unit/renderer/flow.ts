import type { PowerFlow } from '#contract/api.ts'

/** A snapshot with these powers, W; what is left out is not measured. */
export function flowOf(powers: { grid?: number; pv?: number; battery?: number; load?: number }): PowerFlow {
  const part = (powerW: number | undefined, deviceIds: string[]) => ({
    quality: powerW === undefined ? ('bad' as const) : ('good' as const),
    deviceIds,
    ...(powerW !== undefined && { powerW }),
  })
  return {
    atMs: 0,
    cycle: 1,
    durationMs: 1,
    latenessMs: 0,
    grid: { ...part(powers.grid, ['meter']), currentA: {}, voltageV: {} },
    pv: part(powers.pv, ['pv']),
    battery: part(powers.battery, ['battery']),
    load: part(powers.load, []),
    limits: [],
    setpoints: [],
    control: { enabled: false, dryRun: true, reason: 'off' },
  }
}
