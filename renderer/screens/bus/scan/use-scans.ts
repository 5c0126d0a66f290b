import type { JobSummary } from '#contract/workbench.ts'
import type { NetworkScan, ScannedUnit, UnitScan } from '#contract/workbench-scan.ts'
import { computed, onBeforeUnmount, watch } from 'vue'
import { useWorkbench } from '../../../stores/workbench.ts'
import { isCertain, scanOf, unitScanOf } from './scan-model.ts'

export type BusUnit = ScannedUnit & { readonly bus: string }

/** The scans of all ports with their results, followed while the component lives. */
export function useScans() {
  const workbench = useWorkbench()
  const jobs = computed(() => workbench.state?.jobs ?? [])
  const byPort = computed(
    () =>
      new Map(
        (workbench.ports ?? []).flatMap(({ path }): [string, JobSummary][] => {
          const job = scanOf(jobs.value, path)
          return job ? [[path, job]] : []
        }),
      ),
  )
  const network = computed(() => jobs.value.find(({ request }) => request.kind === 'subnet'))
  /** The newest scan of each endpoint whose unit IDs were all asked, by its address. */
  const behind = computed(() => {
    const found = new Map<string, JobSummary>()
    for (const job of jobs.value) {
      const { request } = job
      if (request.kind === 'units' && !request.bus.startsWith('rtu:') && !found.has(request.bus))
        found.set(request.bus, job)
    }
    return found
  })
  /** Units that were asked again, newest first. */
  const identified = computed(() => jobs.value.filter(({ request }) => request.kind === 'identify').slice(0, 20))
  const wanted = computed(() =>
    [
      ...byPort.value.values(),
      ...behind.value.values(),
      ...(network.value ? [network.value] : []),
      ...identified.value,
    ].map(({ id }) => id),
  )

  const following = new Map<string, () => void>()
  watch(
    () => wanted.value.join(' '),
    () => {
      for (const [id, unfollow] of following) {
        if (wanted.value.includes(id)) continue
        unfollow()
        following.delete(id)
      }
      for (const id of wanted.value) if (!following.has(id)) following.set(id, workbench.followJob(id))
    },
    { immediate: true },
  )
  onBeforeUnmount(() => following.forEach((unfollow) => unfollow()))

  const resultOf = (path: string): UnitScan | undefined =>
    unitScanOf(workbench.jobs.get(byPort.value.get(path)?.id ?? ''))

  const networkResult = computed((): NetworkScan | undefined => {
    const result = workbench.jobs.get(network.value?.id ?? '')?.result
    return result?.kind === 'network' ? result : undefined
  })

  /** What a unit is, from when it was asked last. */
  function newest(unit: BusUnit): BusUnit {
    for (const { id } of identified.value) {
      const result = workbench.jobs.get(id)?.result
      if (result?.kind !== 'identify' || result.bus !== unit.bus) continue
      const again = result.units.find(({ unitId, silent }) => unitId === unit.unitId && silent === null)
      if (again) return { ...unit, candidates: again.candidates }
    }
    return unit
  }

  const unitsOf = (result: UnitScan | undefined): BusUnit[] =>
    (result?.units ?? []).map((unit) => newest({ ...unit, bus: result?.bus ?? '' }))

  const networkUnits = computed(() => {
    const found = new Map<string, BusUnit>()
    for (const unit of networkResult.value?.units ?? []) found.set(`${unit.bus} ${unit.unitId}`, newest(unit))
    for (const { id } of behind.value.values())
      for (const unit of unitsOf(unitScanOf(workbench.jobs.get(id)))) found.set(`${unit.bus} ${unit.unitId}`, unit)
    return [...found.values()]
  })
  const all = computed(() => [
    ...[...byPort.value.keys()].flatMap((path) => unitsOf(resultOf(path))),
    ...networkUnits.value,
  ])
  const sums = computed(() => ({ units: all.value.length, sure: all.value.filter(isCertain).length }))

  return { byPort, behind, network, networkResult, networkUnits, resultOf, unitsOf, sums }
}
