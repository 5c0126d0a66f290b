import type { Site } from '#contract/site.ts'
import type { CaptureRecord } from '../capture/read-capture.ts'
import { createInputGatherer, type InputGatherer } from './capture-inputs.ts'
import type { SiteCommands } from '../domain/site-model.ts'
import type { Controller } from './controller.ts'
import { type Candidate, commandsOf } from './replay.ts'
import { simulate, type SimulationReport } from './simulate.ts'

/** Two configurations under the same circumstances. */
export interface Comparison {
  readonly present: SimulationReport
  readonly candidate: SimulationReport
}

/**
 * Runs the recorded site and a candidate as simulations, with the loads, sun, vehicles and signals of a capture. Recorded
 * readings alone would not do: they would not follow what the candidate decides. Undefined when nothing can be read.
 */
export async function compareOnCapture(options: {
  readonly records: AsyncIterable<CaptureRecord>
  parseSite(value: unknown): Site
  readonly candidate: Candidate
  readonly controller?: (site: Site, commands?: SiteCommands) => Controller
}): Promise<Comparison | undefined> {
  let site: Site | undefined
  let commands: SiteCommands | undefined
  let gatherer: InputGatherer | undefined
  let fromMs: number | undefined
  let toMs = 0
  for await (const record of options.records) {
    if (record.kind === 'header') {
      // A site that was changed on the way: the newest stretch counts.
      site = options.parseSite(record.header.site)
      commands = commandsOf(record.header)
      gatherer ??= createInputGatherer(site)
      gatherer.restart()
    } else if (record.kind === 'step') {
      gatherer?.add(record.step)
      fromMs ??= record.step.t
      toMs = record.step.t
    }
  }
  if (!site || !gatherer || fromMs === undefined || toMs <= fromMs) return undefined
  const socPercent = gatherer.socPercent()
  const shared = {
    inputs: gatherer.inputs(),
    fromMs,
    toMs,
    ...(socPercent !== undefined && { socPercent }),
    ...(options.controller && { controller: options.controller }),
  }
  return {
    present: simulate({ ...shared, site, ...(commands && { commands }) }),
    candidate: simulate({ ...shared, ...options.candidate }),
  }
}
