import type { HeardFrame } from '#contract/workbench-listen.ts'

export interface FrameFilter {
  readonly unitId: number | undefined
  readonly fc: number | undefined
  /** Only exceptions and what is no frame. */
  readonly trouble: boolean
}

export const isTrouble = ({ role }: HeardFrame): boolean => role === 'exception' || role === 'rejected'

/** The frames that a filter leaves. Rejected bytes have no unit: they stay unless one is asked for. */
export const filterFrames = (frames: readonly HeardFrame[], { unitId, fc, trouble }: FrameFilter): HeardFrame[] =>
  frames.filter(
    (frame) =>
      (unitId === undefined || frame.unitId === unitId) &&
      (fc === undefined || frame.fc === fc) &&
      (!trouble || isTrouble(frame)),
  )

/** Every value of a property that frames have, in order. */
export const known = (frames: readonly HeardFrame[], of: 'unitId' | 'fc'): number[] =>
  [...new Set(frames.flatMap((frame) => frame[of] ?? []))].toSorted((a, b) => a - b)
