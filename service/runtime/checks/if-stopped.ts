import type { HeadroomRow } from '#contract/checks.ts'
import type { NodeModel } from '../../domain/site-model.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'
import type { Desk } from './desk.ts'
import { fallbackValueOf, powerWith } from './effects-of.ts'

/** Rows beyond are of no help to anybody. */
const mostRows = 60

/** What a device takes at least and at most once nobody commands it, W. Undefined for what neither control nor the sun decides. */
function alone(desk: Desk, entry: SiteDeviceEntry): readonly [number, number] | undefined {
  const command = desk.mainCommand(entry)
  const { config } = entry
  const fallback = command && fallbackValueOf(desk, entry, command)
  if (command && fallback !== undefined) return powerWith(desk, entry, command, fallback)
  // Its own affair: a plant gives all it can.
  const rated = config.pv?.ratedPowerW ?? desk.number(config.id, 'ratedPowerW')
  return config.role === 'pv' && rated !== undefined ? [0 - rated, 0] : undefined
}

/** The import, export and phase currents that the controlled devices come to by themselves, at every limit above them. */
export function ifStopped(desk: Desk): HeadroomRow[] {
  const rows: HeadroomRow[] = []
  for (const node of desk.model().nodes) if (node.limited && rows.length < mostRows) rows.push(...rowsOf(desk, node))
  return rows.slice(0, mostRows)
}

function rowsOf(desk: Desk, node: NodeModel): HeadroomRow[] {
  const { circuit } = node
  const voltageV = desk.model().grids[node.gridIndex]?.grid.nominalVoltageV ?? 230
  let importW = 0
  let exportW = 0
  const phaseA = [0, 0, 0]
  for (const entry of desk.below(node)) {
    const [lowest, highest] = alone(desk, entry) ?? [0, 0]
    importW += Math.max(0, highest)
    exportW += Math.max(0, 0 - lowest)
    const { phases } = entry.config
    for (const phase of phases) {
      const at = ['l1', 'l2', 'l3'].indexOf(phase)
      phaseA[at] = (phaseA[at] ?? 0) + Math.max(Math.abs(lowest), Math.abs(highest)) / voltageV / phases.length
    }
  }
  const row = (key: string, title: string, unit: 'A' | 'W', worst: number, limit: number | undefined): HeadroomRow[] =>
    limit === undefined
      ? []
      : [
          {
            limitId: `${circuit.id}.${key}`,
            title: `${circuit.name}: ${title}`,
            unit,
            now: 0,
            worst,
            limit,
            ok: worst <= limit,
          },
        ]
  return [
    ...row('import', 'import', 'W', importW, circuit.maxImportW),
    ...row('export', 'export', 'W', exportW, circuit.maxExportW),
    ...row('fuse', 'fuse', 'A', Math.max(...phaseA), circuit.fuseA),
  ]
}
