import { z } from 'zod'
import { valueCurves } from '#contract/economics.ts'
import { commandName } from '#contract/point-map.ts'
import { quality, readingValue } from '#contract/reading.ts'

/**
 * A capture is JSON lines, compressed with gzip: a header, then one line per step and grid. Everything is said once and
 * holds until it is said again. A file may hold several captures one after another, each with its header.
 */
export const captureHeader = z.strictObject({
  capture: z.literal(1),
  version: z.string(),
  atMs: z.number(),
  /** The site as it was run. */
  site: z.unknown(),
  /** Commands that the maps of the devices declared. */
  commands: z.record(z.string(), z.array(commandName)).optional(),
  /** What each grid's control remembered before the first step; absent for a fresh start. */
  states: z.record(z.string(), z.unknown()),
})
export type CaptureHeader = z.infer<typeof captureHeader>

/** A value that is good stands alone; otherwise with what is wrong with it. */
const codedValue = z.union([
  readingValue,
  z.strictObject({
    v: readingValue.optional(),
    q: quality,
    r: z.string().optional(),
    x: z.literal(true).optional(),
  }),
])
export type CodedValue = z.infer<typeof codedValue>

/** Points measured at the same time: that time, their age, new values, and those whose value has not changed. */
const measuredTogether = z.tuple([
  z.number(),
  z.number(),
  z.record(z.string(), codedValue),
  z.array(z.string()).optional(),
])
export type MeasuredTogether = z.infer<typeof measuredTogether>

const wish = z.strictObject({
  deviceId: z.string(),
  command: z.string(),
  value: z.number(),
  untilMs: z.number(),
  principal: z.string(),
  reason: z.string(),
})

export const captureStep = z.strictObject({
  /** Grid. */
  g: z.string(),
  /** Wall clock, ms. */
  t: z.number(),
  /** Since the step before, s. */
  e: z.number(),
  /** Newly measured, by device. */
  r: z.record(z.string(), z.array(measuredTogether)).optional(),
  /** Points that are gone, by device. */
  d: z.record(z.string(), z.array(z.string())).optional(),
  /** Wishes and plan, when they are not as before. */
  w: z.array(wish).optional(),
  p: z.array(valueCurves).optional(),
  /** New setpoints: device, command, value; a null value for one that has ended. */
  s: z.array(z.tuple([z.string(), z.string(), z.number().nullable()])).optional(),
  /** Of every decision that is not as before, its sentences included. */
  h: z.string().optional(),
})
export type CaptureStep = z.infer<typeof captureStep>
