import type { CheckKind, CheckReasonCode } from '#contract/checks.ts'

/** Checks and why they ended, in German; English ones come with the checks themselves. */
export const germanChecks: Readonly<Record<CheckKind, string>> = {
  'meter-direction': '{name}: Richtung, an geschalteter Last',
  'phase-order': '{name}: Phasenfolge, an einphasiger Last',
  'ct-ratio': '{name}: Verhältnis, an bekannter Last',
  'meter-agreement': '{name} gegen das, was darunter liegt',
  'energy-balance': '{name}: Energiebilanz',
  'battery-sign': '{name}: Vorzeichen, beim Entladen',
  answers: '{name} antwortet',
  clock: '{name}: Uhr',
  command: '{name} befolgt {command}',
  step: '{name} folgt einem Sprung',
  'export-limit': '{name} hält eine Einspeisegrenze',
  'limit-signal': '{name} wird befolgt, 4,2 kW bleiben',
  'comm-loss': '{name}: niemand spricht mit ihm',
  'ems-loss': '{name}: R-EMS erneuert nichts',
}

export const germanReasons: Readonly<Record<Exclude<CheckReasonCode, 'none'>, string>> = {
  'not-armed': 'nicht scharf geschaltet',
  'control-off': 'die Regelung war aus',
  busy: 'eine andere Prüfung lief',
  blocked: 'es war nicht möglich',
  'no-vehicle': 'kein Fahrzeug angeschlossen',
  'no-load': 'keine schaltbare Last',
  'no-sun': 'zu wenig Sonne',
  'not-measured': 'ein nötiger Wert wurde nicht gemessen',
  'no-headroom': 'kein Spielraum unter den Grenzen',
  'not-covered': 'die Karte oder die Anlage gibt es nicht her',
  disturbed: 'andere Lasten haben gestört',
  wrong: 'außerhalb der Toleranz',
  'write-failed': 'der Befehl wurde nicht angenommen',
  'no-answer': 'das Gerät hat nicht mehr geantwortet',
  aborted: 'von Hand abgebrochen',
  disarmed: 'nicht mehr scharf geschaltet',
  'not-watched': 'niemand hat zugesehen',
  limit: 'eine Grenze wurde überschritten',
  stopped: 'der Dienst wurde beendet',
  lost: 'der Dienst ist ausgefallen',
  internal: 'es ging nicht weiter',
}
