/** How a limit was kept over a run. */
export interface LimitRecord {
  readonly limitId: string
  readonly tier: 'physical' | 'safety' | 'economic'
  readonly unit: string
  /** What may be over for as long: measuring, the control cycle and the slowest device that has to answer. */
  readonly allowedS: number
  /** Times it was over for longer than that. */
  readonly violations: number
  /** Largest excess in a violation, in `unit`. */
  readonly worst: number
  /** Longest violation, from its first instant. */
  readonly longestS: number
  /** All times over, allowed or not. */
  readonly overS: number
  readonly longestOverS: number
  readonly worstOver: number
  /** Excess times time: ampere-seconds over a fuse. */
  readonly overArea: number
}

export interface Watch {
  /** `excess` > 0 is over the limit; it held for the last `dtS`. */
  see(excess: number, dtS: number): void
  record(): LimitRecord
}

const negligible = 1e-6

export function createWatch(of: Pick<LimitRecord, 'limitId' | 'tier' | 'unit' | 'allowedS'>): Watch {
  let violations = 0
  let worst = 0
  let longestS = 0
  let overTotalS = 0
  let longestOverS = 0
  let worstOver = 0
  let overArea = 0
  let overS = 0
  let worstNow = 0
  let counted = false
  return {
    see(excess, dtS) {
      if (!(excess > negligible)) {
        overS = 0
        worstNow = 0
        counted = false
        return
      }
      overS += dtS
      overTotalS += dtS
      overArea += excess * dtS
      worstNow = Math.max(worstNow, excess)
      worstOver = Math.max(worstOver, excess)
      longestOverS = Math.max(longestOverS, overS)
      if (overS <= of.allowedS + negligible) return
      if (!counted) violations += 1
      counted = true
      worst = Math.max(worst, worstNow)
      longestS = Math.max(longestS, overS)
    },
    record: () => ({ ...of, violations, worst, longestS, overS: overTotalS, longestOverS, worstOver, overArea }),
  }
}
