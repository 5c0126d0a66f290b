import type { ControlRequest, ControlState } from '#contract/api.ts'
import { EdgeError } from '#contract/errors.ts'
import type { EdgeSettings } from '#contract/site.ts'
import type { EdgeIdentity } from './identity.ts'
import { loadEdgeSettings, saveEdgeSettings } from './edge-settings.ts'

/** Whether automatic control is enabled on this edge (S1): persistent, changed only by a person. */
export interface ControlProperty {
  get(): ControlState
  /** Throws backup.unconfirmed when control may not be enabled: the edge that this one replaces may still run. */
  check(request: ControlRequest): void
  /** Stores the new state before it acts. Rejects with backup.unconfirmed while the edge that this one replaces may still run. */
  set(request: ControlRequest): Promise<ControlState>
}

/** A data folder that came from another machine holds control off until a person enables it again (S9). */
export async function loadControlProperty(
  folder: string,
  demo: boolean,
  identity: Pick<EdgeIdentity, 'obstacle' | 'confirm' | 'replaces'>,
): Promise<ControlProperty> {
  const stored = await loadEdgeSettings(folder)
  let state = stored ? described(stored, 'edge.yaml') : initial(demo)

  /** Enabling control says nothing about another edge: that it is gone is said on its own. */
  function check({ enabled }: Pick<ControlRequest, 'enabled'>): void {
    if (enabled && identity.replaces())
      throw new EdgeError('backup.unconfirmed', identity.obstacle() ?? 'the old edge may still control the site')
  }

  return {
    check,
    get() {
      const obstacle = state.enabled ? identity.obstacle() : undefined
      return obstacle === undefined ? state : { ...state, enabled: false, reason: obstacle }
    },
    async set({ enabled, dryRun, reason }) {
      check({ enabled })
      const settings = { enable_control: enabled, dry_run: dryRun }
      await saveEdgeSettings(folder, settings)
      if (enabled) await identity.confirm()
      state = described(settings, reason)
      return state
    },
  }
}

function initial(demo: boolean): ControlState {
  return demo
    ? { enabled: true, dryRun: false, reason: 'demo site: control acts on the simulated plant only' }
    : { enabled: false, dryRun: true, reason: 'control is off until someone enables it on this edge' }
}

function described({ enable_control: enabled, dry_run: dryRun }: EdgeSettings, by: string): ControlState {
  if (!enabled) return { enabled, dryRun, reason: `control is off (${by})` }
  return {
    enabled,
    dryRun,
    reason: dryRun ? `dry run: setpoints are recorded, not sent (${by})` : `control is enabled (${by})`,
  }
}
