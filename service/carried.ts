import type { Sessions } from './access/sessions.ts'
import type { LiveTrial } from './deployment/gates.ts'

/** What goes on when a service starts anew in its process. */
export interface Carried {
  readonly sessions: Sessions
  /** It has announced itself already. */
  announced: boolean
  /** Where it listens. */
  port?: number
  securePort?: number
  /** What r-emsctl acts with on this machine. */
  consoleToken?: string
  /** The trial that the next start runs. */
  trial?: LiveTrial | undefined
  /** Why the trial of the last start could not even begin. */
  failure?: string | undefined
  /** A person has asked for an older generation: its maps are confirmed by that. */
  confirmMaps?: boolean
}
