/**
 * Every error code a person or a program can meet, with its HTTP status and one sentence on what to do. Codes are stable.
 */
export const errorTable = {
  'config.invalid': { status: 400, action: 'Correct the named line of the configuration and start again.' },
  'config.not-found': { status: 404, action: 'Check the path given with --config.' },
  'map.invalid': { status: 400, action: 'Correct the named line of the point map.' },
  'map.not-found': { status: 404, action: 'Add the file under pointmaps/, or correct the map named by the device.' },
  'api.port-taken': { status: 503, action: 'Stop the other program, or choose another port with R_EMS_API_PORT.' },
  'api.port-denied': { status: 503, action: 'Choose a port from 1024 on with R_EMS_API_PORT.' },
  'api.token-invalid': {
    status: 500,
    action: 'Set R_EMS_API_TOKEN to 16 or more visible characters without spaces, or unset it.',
  },
  'api.host-refused': { status: 421, action: 'Open the service by the address it printed.' },
  'api.origin-refused': { status: 403, action: 'Use the web UI served by this service, or a program with a token.' },
  'api.token-missing': {
    status: 401,
    action: 'Sign in, or send the header Authorization: Bearer TOKEN.',
  },
  'api.token-wrong': { status: 401, action: 'Use a token of this service that has not expired.' },
  'api.not-found': { status: 404, action: 'See /docs for the addresses that exist.' },
  'api.method-refused': { status: 405, action: 'See /docs for what this address accepts.' },
  'api.invalid': { status: 400, action: 'Correct the named field; see /docs.' },
  'api.malformed': { status: 400, action: 'Send a well-formed HTTP request.' },
  'api.too-large': { status: 413, action: 'Send less.' },
  'api.url-too-long': { status: 414, action: 'Use a shorter address.' },
  'api.headers-too-large': { status: 431, action: 'Send fewer or shorter headers.' },
  'api.timeout': { status: 408, action: 'Send the whole request at once.' },
  'api.upgrade-required': { status: 426, action: 'Open this address as a WebSocket.' },
  'api.busy': { status: 503, action: 'Close a window of the user interface, then try again.' },
  'api.starting': { status: 503, action: 'Try again in a moment.' },
  'api.media-refused': { status: 415, action: 'Send application/json.' },
  'api.internal': { status: 500, action: 'See the service log.' },
  'api.too-many': { status: 429, action: 'Wait a moment, then ask less often.' },
  'access.session-ended': { status: 401, action: 'Sign in again.' },
  'access.wrong': { status: 401, action: 'Check the name and the password, then try again.' },
  'access.code-wrong': {
    status: 401,
    action: 'Ask for a new code: it works once and for a short time. At the device, r-emsctl pair shows one.',
  },
  'access.locked': { status: 429, action: 'Wait as long as Retry-After says; whoever is signed in already can go on.' },
  'access.role': { status: 403, action: 'Ask somebody with that role, or sign in as somebody who has it.' },
  'access.pairing-closed': {
    status: 403,
    action: 'Switch the device off and on again and pair within 15 minutes, or run r-emsctl pair at the device.',
  },
  'access.password-weak': {
    status: 400,
    action: 'Choose a longer one, such as four words that do not belong together.',
  },
  'access.name-taken': { status: 409, action: 'Choose another name.' },
  'access.last-admin': { status: 409, action: 'Make somebody else an admin first.' },
  'access.unknown': { status: 404, action: 'See the list for what exists.' },
  'access.full': { status: 409, action: 'Remove one that is not needed any more.' },
  'access.store': {
    status: 503,
    action: 'Free disk space or correct the permissions of accounts.json in the data folder; nothing was changed.',
  },
  'access.damaged': {
    status: 503,
    action: 'Run r-emsctl user add at the device, or restore accounts.json from a backup.',
  },
  'device.unknown': { status: 404, action: 'See /api/v1/devices for the devices of this site.' },
  'device.silent': { status: 503, action: 'Check power, cable and address of the device.' },
  'bus.unknown': { status: 404, action: 'See /api/v1/devices for the buses that this service holds.' },
  'workbench.unknown': { status: 404, action: 'See the workbench for what there is.' },
  'workbench.busy': { status: 409, action: 'Wait for the other job, or stop it.' },
  'workbench.refused': { status: 409, action: 'See the reason; nothing was sent.' },
  'workbench.folder': { status: 503, action: 'Make the folder writable or free disk space; nothing was lost.' },
  'workbench.changed': { status: 409, action: 'Look at the newer text; yours is still in the editor.' },
  'workbench.full': { status: 409, action: 'Remove some that are not needed any more.' },
  'check.unknown': { status: 404, action: 'See /api/v1/checks for the checks of this site.' },
  'check.busy': { status: 409, action: 'Wait for the check that runs, or abort it.' },
  'check.refused': { status: 409, action: 'See the reason; nothing was written.' },
  'capture.invalid': { status: 400, action: 'Choose a pcap, a pcapng or a log of hexadecimal bytes.' },
  'metric.unknown': { status: 404, action: 'See /api/v1/devices for the points of this device.' },
  'storage.folder': {
    status: 503,
    action: 'Make the data folder writable, or choose another one with R_EMS_DATA_DIR.',
  },
  'storage.corrupt': {
    status: 503,
    action: 'The damaged database was set aside and a new one started; keep the old file for recovery.',
  },
  'storage.full': { status: 507, action: 'Free disk space; control goes on, history has a gap.' },
  'storage.trimmed': { status: 507, action: 'Nothing has to be done; old history is shorter than usual.' },
  'storage.gap': { status: 503, action: 'See the other storage messages for the cause; control went on.' },
  'storage.down': { status: 503, action: 'See the service log; control goes on, history has a gap.' },
  'storage.newer': {
    status: 503,
    action: 'Start the newer version of the service, or choose another data folder with R_EMS_DATA_DIR.',
  },
  'journal.broken': { status: 503, action: 'Find out who changed the journal; keep a copy of the data folder.' },
  'storage.busy': { status: 503, action: 'Stop the other service that uses this data folder.' },
  'serial.not-found': { status: 404, action: 'Check that the adapter is plugged in and the path is right.' },
  'serial.taken': { status: 503, action: 'Close the program that holds the port.' },
  'serial.denied': { status: 503, action: 'Add the user to the group that owns the port (usually dialout).' },
  'capture.not-found': { status: 404, action: 'Check the path of the capture.' },
  'capture.unreadable': {
    status: 400,
    action: 'Give a pcap or pcapng file, or a text with bytes in hex, one chunk per line.',
  },
  'runtime.node-version': { status: 500, action: 'Start it through npm, which brings the right Node.js.' },
  'trust.off': { status: 404, action: 'Start the service with --listen HOST:PORT.' },
  'trust.damaged': {
    status: 500,
    action:
      'Put the folder trust back from a backup; or move it away for a new CA, and pair every app again. Control goes on.',
  },
  'trust.root-offline': { status: 409, action: 'Bring the key of the root CA back for as long as this takes.' },
  'trust.rotating': { status: 409, action: 'Wait until every app has connected and the old root is retired.' },
  'trust.import-refused': { status: 400, action: 'Export the full chain of the CA again, without keys.' },
  'trust.unknown-certificate': { status: 404, action: 'See the list of certificates.' },
  'api.certificate-refused': { status: 403, action: 'Use another client certificate, or none.' },
  'api.certificate-missing': { status: 401, action: 'Connect with a client certificate of this site.' },
  'control.unknown': { status: 404, action: 'See /api/v1/devices for the commands of this device.' },
  'control.outside': { status: 400, action: 'Choose a value within the limits of the command.' },
  'control.not-decided': { status: 409, action: 'See the reason; automatic control does not use this command now.' },
  'control.contradicts': {
    status: 409,
    action: 'Take the other request back, or wait until it ends; then ask again.',
  },
  'site.changed': { status: 409, action: 'Restart the service, so that the edited file counts, then ask again.' },
  'verify.unknown': { status: 404, action: 'See the list of what can be verified on this device.' },
  'verify.twice': { status: 409, action: 'Take it back first, to record another proof.' },
  'limits.changed': { status: 409, action: 'Look at the limits again, then ask again.' },
  'limits.invalid': { status: 400, action: 'Correct the named limit.' },
  'limits.unconfirmed': { status: 409, action: 'Confirm each of them by its ID in confirmedLooser.' },
  'backup.invalid': { status: 400, action: 'Choose the file that "r-emsctl backup" or the app has written.' },
  'backup.newer': { status: 400, action: 'Update this edge first, then restore again.' },
  'backup.damaged': { status: 400, action: 'Copy the backup again from where it is kept, or take an older one.' },
  'backup.passphrase': { status: 400, action: 'Type the passphrase that was given when the backup was made.' },
  'backup.not-empty': {
    status: 409,
    action: 'Restore onto new hardware, with empty folders for configuration and data.',
  },
  'backup.unconfirmed': {
    status: 409,
    action: 'See that the old edge is switched off for good, then confirm it under Settings, Backup.',
  },
  'license.refused': {
    status: 400,
    action: 'Load the file as it was issued, or ask whoever issued it for another one.',
  },
  'setup.changed': { status: 409, action: 'Load the answers again, and look at what the other person has changed.' },
  'setup.open': { status: 409, action: 'Answer what is open and correct what is wrong; see the list of problems.' },
  'setup.invalid': { status: 400, action: 'Correct the named place.' },
  'armed.full': { status: 409, action: 'Release a permission that is not needed any more.' },
  'bundle.malformed': { status: 400, action: 'Make the bundle again, or copy the file again as a whole.' },
  'bundle.invalid': { status: 400, action: 'Correct the named line of the site or map, then deploy again.' },
  'bundle.altered': { status: 400, action: 'Copy the file again; if it is refused again, make the bundle anew.' },
  'bundle.untrusted': {
    status: 403,
    action:
      'Let an installer add the key of whoever made it to this edge (r-emsctl deploy key add), then send it again.',
  },
  'bundle.foreign': { status: 409, action: 'Choose the edge that the bundle was made for, or make one for this edge.' },
  'bundle.outdated': { status: 409, action: 'Compare with what runs now and make the bundle anew.' },
  'bundle.expired': {
    status: 409,
    action: 'Check the clock of the edge and of the laptop, then make the bundle anew.',
  },
  'bundle.forbidden': { status: 400, action: 'Take out what does not belong to a site, then make the bundle anew.' },
  'deployment.busy': { status: 409, action: 'Wait until they are done, or ask them to let it go.' },
  'deployment.none': { status: 404, action: 'Send a candidate first.' },
  'deployment.unavailable': {
    status: 409,
    action: 'Run the service with a site of its own: r-emsd run --config FOLDER.',
  },
  'deployment.consent': { status: 409, action: 'Look at each of them and name it, or change the candidate.' },
  'deployment.checks': { status: 409, action: 'See what the checks found; correct it and check again.' },
  'deployment.gates': { status: 409, action: 'Wait until it is green, or let it return.' },
  'deployment.trial': { status: 404, action: 'See the history for how it ended.' },
  'deployment.generation': { status: 404, action: 'See the history for what there is.' },
  'deployment.key': { status: 400, action: 'See the list of keys; print your own with r-emsctl deploy key.' },
  'deployment.store': {
    status: 503,
    action: 'Free disk space or restore the folder of the configuration from a backup; what runs goes on.',
  },
  'site.running': { status: 503, action: 'Stop the other service that runs this site.' },
  'edge.unknown': { status: 404, action: 'Pair with the edge by its address.' },
  'edge.not-paired': { status: 409, action: 'Pair with the edge again.' },
  'edge.silent': {
    status: 503,
    action: 'Check power, cable and address of the edge, and that it listens on the network.',
  },
  'edge.refused': { status: 409, action: 'See the reason; nothing was sent to the edge.' },
  'handover.changed': {
    status: 409,
    action: 'Look at the newest report, then write again; what you typed is not lost.',
  },
  'handover.open': { status: 409, action: 'Complete the named parts, or hand them over as they are by naming them.' },
  'write.refused': { status: 403, action: 'See the reason; nothing was written.' },
} as const

export type ErrorCode = keyof typeof errorTable

/** An error a person can act on: a stable code and one sentence with place and cause. The cause is kept. */
export class EdgeError extends Error {
  override readonly name = 'EdgeError'
  readonly code: ErrorCode
  /** When it makes sense to try again, where that is known. */
  readonly retryAfterS: number | undefined

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; retryAfterS?: number }) {
    super(message, options)
    this.code = code
    this.retryAfterS = options?.retryAfterS
  }

  /** What to do about it. */
  get action(): string {
    return errorTable[this.code].action
  }
}
