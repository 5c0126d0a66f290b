import type { CheckGroup } from '#contract/checks.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'
import type { Desk } from './desk.ts'
import type { CheckPlan } from './plan.ts'
import { commandPlans } from './plans/command.ts'
import { type ControlParts, exportPlan, signalPlan } from './plans/limits.ts'
import { lossPlans } from './plans/loss.ts'
import { stepPlan } from './plans/step.ts'
import { batterySignPlan, meterPlans } from './plans/switched.ts'
import { agreementPlan, answersPlan, balancePlan, clockPlan } from './plans/watched.ts'
import type { CheckTiming } from './session.ts'

/** A site with more devices than anybody can check by hand shows the first ones; measurement comes first. */
const mostChecks = 5_000
const groups: readonly CheckGroup[] = ['measurement', 'devices', 'control', 'failsafe']

/** All checks of a site, by group, in the order of its circuits and devices. */
export function catalogueOf(desk: Desk, timing: CheckTiming, parts: ControlParts): CheckPlan[] {
  const plans: (CheckPlan | undefined)[] = []
  for (const node of desk.model().nodes) {
    const meter = node.circuit.meter === undefined ? undefined : desk.entry(node.circuit.meter)
    if (!meter) continue
    plans.push(...meterPlans(desk, timing, node, meter), agreementPlan(desk, node, meter))
    if (node.parent < 0) plans.push(balancePlan(desk, node, meter), exportPlan(desk, timing, parts, node, meter))
  }
  for (const entry of desk.entries) plans.push(...plansOf(desk, timing, entry))
  for (const signal of desk.site.signals) plans.push(signalPlan(desk, timing, parts, signal))
  const found = plans.filter((plan) => plan !== undefined)
  return groups.flatMap((group) => found.filter((plan) => plan.group === group)).slice(0, mostChecks)
}

function plansOf(desk: Desk, timing: CheckTiming, entry: SiteDeviceEntry): (CheckPlan | undefined)[] {
  return [
    ...(entry.config.role === 'battery' ? [batterySignPlan(desk, timing, entry)] : []),
    answersPlan(entry),
    clockPlan(entry),
    ...commandPlans(desk, entry),
    stepPlan(desk, timing, entry),
    ...lossPlans(desk, timing, entry),
  ]
}
