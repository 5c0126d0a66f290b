/**
 * A setpoint that has passed every limit. Only `control/limits` makes one (the linter forbids the cast elsewhere),
 * and only a SafeSetpoint may be written by automatic control (S1).
 */
declare const safe: unique symbol

export interface SafeSetpoint {
  readonly [safe]: true
  readonly deviceId: string
  /** Name of the command in the device's point map. */
  readonly command: string
  /** In the unit of the command. */
  readonly value: number
  /** True when this change relieves a limit, so that it must not wait (S4). */
  readonly relieves: boolean
}
