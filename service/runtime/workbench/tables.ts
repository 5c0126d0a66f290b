import type { WorkbenchResult } from '#contract/workbench-results.ts'
import type { ScanCandidate } from '#contract/workbench-scan.ts'
import { csvLine } from '../../domain/csv.ts'

type Cell = string | number | boolean | null | undefined
type Row = readonly Cell[]

const candidateTitles = ['map', 'vendor', 'model', 'serial', 'firmware', 'confidence', 'evidence'] as const

function candidateCells(candidate: ScanCandidate | undefined): Row {
  if (!candidate) return candidateTitles.map(() => '')
  const { map, vendor, model, serial, firmware, confidence, evidence } = candidate
  return [map, vendor, model, serial, firmware, confidence.toFixed(2), evidence.join('; ')]
}

/** What a job has found as rows with a title each. */
function rowsOf(result: WorkbenchResult): readonly Row[] {
  switch (result.kind) {
    case 'units':
      return [
        ['bus', 'unit', 'status', 'first byte ms', 'answer', ...candidateTitles],
        ...result.units.map(({ unitId, status, latencyMs, answer, candidates }) => [
          result.bus,
          unitId,
          status,
          latencyMs,
          answer,
          ...candidateCells(candidates?.[0]),
        ]),
      ]
    case 'network':
      return [
        ['bus', 'unit', 'status', 'first byte ms', 'text', ...candidateTitles],
        ...result.endpoints.map(({ bus, status, latencyMs, text }) => [bus, '', status, latencyMs, text]),
        ...result.announced.map(({ host, port, name, service }) => [
          `${host}:${port}`,
          '',
          'announced',
          undefined,
          `announces itself as "${name}" (${service})`,
        ]),
        ...result.units.map(({ bus, unitId, status, latencyMs, answer, candidates }) => [
          bus,
          unitId,
          status,
          latencyMs,
          answer,
          ...candidateCells(candidates?.[0]),
        ]),
      ]
    case 'registers':
      return [
        ['bus', 'unit', 'function', 'address', 'status', 'word', 'exception'],
        ...result.spans.flatMap(({ address, count, status, words, code }) =>
          Array.from({ length: words.length > 0 ? count : 1 }, (_, at): Row => {
            const last = words.length === 0 && count > 1 ? `${address}-${address + count - 1}` : address + at
            return [result.bus, result.unitId, result.fn, last, status, words[at], code]
          }),
        ),
      ]
    case 'identify':
      return [
        ['bus', 'unit', 'silent', ...candidateTitles],
        ...result.units.map(({ unitId, silent, candidates }) => [
          result.bus,
          unitId,
          silent,
          ...candidateCells(candidates[0]),
        ]),
      ]
    case 'settings':
      return [
        ['port', 'baud', 'parity', 'stop bits', 'outcome', 'text'],
        ...result.tried.map(({ settings: { baud, parity, stopBits }, outcome, text }) => [
          result.port,
          baud,
          parity,
          stopBits,
          outcome,
          text,
        ]),
      ]
    default:
      return [
        ['unit', 'function', 'access', 'address', 'value', 'period ms', 'asked', 'answered', 'name', 'map', 'reason'],
        ...result.map.flatMap((block) =>
          Array.from({ length: block.count }, (_, at): Row => {
            const point = block.proposed.find(({ address }) => address === block.address + at)
            return [
              block.unitId,
              block.fc,
              block.access,
              block.address + at,
              block.last[at],
              block.periodMs,
              block.asked,
              block.answered,
              point?.name,
              point?.map,
              point?.reason,
            ]
          }),
        ),
      ]
  }
}

export const tableOf = (result: WorkbenchResult): string =>
  rowsOf(result)
    .map((row) => csvLine(row.map((cell) => cell ?? undefined)))
    .join('')
