import { phases } from '#contract/metrics.ts'

/** One number per phase, all known: inside the plant nothing is unmeasured. */
export interface ThreePhase {
  readonly l1: number
  readonly l2: number
  readonly l3: number
}

export const zeroPhases: ThreePhase = { l1: 0, l2: 0, l3: 0 }

export const eachPhase = (value: (phase: keyof ThreePhase) => number): ThreePhase => ({
  l1: value('l1'),
  l2: value('l2'),
  l3: value('l3'),
})

export const sumPhases = (values: ThreePhase): number => phases.reduce((sum, phase) => sum + values[phase], 0)
