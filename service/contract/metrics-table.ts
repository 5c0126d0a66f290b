/** One measured quantity. */
export interface Metric {
  /** What it is, in words a field engineer uses. */
  readonly title: string
  /** SI base unit, or '' for a number without one. */
  readonly unit: string
  /** `any` only for vendor points, whose map says what they are. */
  readonly type: 'number' | 'text' | 'enum' | 'flags' | 'any'
  /** True for counters that only grow, except on reset or replacement. */
  readonly counter?: true
  /** Values outside are physically impossible for a plausible device; used for plausibility, never for clipping. */
  readonly range?: readonly [number, number]
}

const number = (title: string, unit: string, range?: readonly [number, number]): Metric =>
  range ? { title, unit, type: 'number', range } : { title, unit, type: 'number' }
const percent = (title: string): Metric => number(title, '%', [0, 100])
/** 1 yes, 0 no. */
const yesNo = (title: string): Metric => number(title, '', [0, 1])
const counter = (title: string, unit: string): Metric => ({ title, unit, type: 'number', counter: true })
const text = (title: string): Metric => ({ title, unit: '', type: 'text' })
const word = (title: string): Metric => ({ title, unit: '', type: 'enum' })
const flags = (title: string): Metric => ({ title, unit: '', type: 'flags' })

/** Every quantity a point may have. What a device calls it does not matter; what it means does. */
export const metrics = {
  // Electricity. A device with a register for each direction has sizes in the next four, and `powerW` derived.
  powerW: number('Active power', 'W'),
  powerImportW: number('Import power', 'W'),
  powerExportW: number('Export power', 'W'),
  powerChargeW: number('Charging power', 'W'),
  powerDischargeW: number('Discharging power', 'W'),
  reactivePowerVar: number('Reactive power', 'var'),
  apparentPowerVa: number('Apparent power', 'VA'),
  powerFactor: number('Power factor', '', [-1, 1]),
  currentA: number('Current', 'A'),
  voltageV: number('Voltage', 'V'),
  frequencyHz: number('Frequency', 'Hz', [0, 100]),
  powerDemandW: number('Power demand', 'W'),
  powerDemandMaxW: number('Highest power demand', 'W'),
  currentDemandA: number('Current demand', 'A'),
  voltageThdPercent: number('Voltage distortion (THD)', '%', [0, 1000]),
  currentThdPercent: number('Current distortion (THD)', '%', [0, 1000]),
  leakageCurrentA: number('Leakage current', 'A'),
  insulationOhm: number('Insulation resistance', 'Ω'),
  phases: number('Phases in use', '', [0, 3]),
  phaseRotation: word('Phase rotation'),
  loadPercent: number('Load, of the rating', '%', [0, 1000]),
  efficiencyPercent: percent('Efficiency'),

  // Energy
  energyWh: counter('Energy', 'Wh'),
  energyImportWh: counter('Energy imported', 'Wh'),
  energyExportWh: counter('Energy exported', 'Wh'),
  energyChargeWh: counter('Energy charged', 'Wh'),
  energyDischargeWh: counter('Energy discharged', 'Wh'),
  energyTodayWh: number('Energy today', 'Wh'),
  energyImportTodayWh: number('Energy imported today', 'Wh'),
  energyExportTodayWh: number('Energy exported today', 'Wh'),
  energyChargeTodayWh: number('Energy charged today', 'Wh'),
  energyDischargeTodayWh: number('Energy discharged today', 'Wh'),
  energyMonthWh: number('Energy this month', 'Wh'),
  energyYearWh: number('Energy this year', 'Wh'),
  reactiveEnergyVarh: counter('Reactive energy', 'varh'),
  reactiveEnergyImportVarh: counter('Reactive energy imported', 'varh'),
  reactiveEnergyExportVarh: counter('Reactive energy exported', 'varh'),
  apparentEnergyVah: counter('Apparent energy', 'VAh'),

  // Storage
  socPercent: percent('State of charge'),
  sohPercent: percent('State of health'),
  socMinPercent: percent('Lowest state of charge allowed'),
  socMaxPercent: percent('Highest state of charge allowed'),
  reservePercent: percent('Charge kept in reserve'),
  capacityWh: number('Usable capacity', 'Wh'),
  capacityAh: number('Capacity', 'Ah'),
  remainingWh: number('Energy left', 'Wh'),
  remainingAh: number('Charge left', 'Ah'),
  cycles: counter('Full cycles', ''),
  chargeLimitW: number('Charge limit', 'W'),
  dischargeLimitW: number('Discharge limit', 'W'),
  chargeLimitA: number('Charge limit', 'A'),
  dischargeLimitA: number('Discharge limit', 'A'),
  chargeVoltageLimitV: number('Charge voltage limit', 'V'),
  dischargeVoltageLimitV: number('Discharge voltage limit', 'V'),
  moduleCount: number('Modules', '', [0, 1000]),
  cellCount: number('Cells', '', [0, 10_000]),
  cellVoltageMinV: number('Lowest cell voltage', 'V', [0, 10]),
  cellVoltageMaxV: number('Highest cell voltage', 'V', [0, 10]),
  cellTemperatureMinC: number('Lowest cell temperature', '°C', [-60, 200]),
  cellTemperatureMaxC: number('Highest cell temperature', '°C', [-60, 200]),
  balancing: yesNo('Cells are balanced'),

  // Ratings and setpoints
  ratedPowerW: number('Rated power', 'W'),
  ratedApparentPowerVa: number('Rated apparent power', 'VA'),
  ratedReactivePowerVar: number('Rated reactive power', 'var'),
  ratedCurrentA: number('Rated current', 'A'),
  ratedVoltageV: number('Rated voltage', 'V'),
  limitW: number('Highest power allowed', 'W'),
  limitA: number('Highest current allowed', 'A'),
  setpointW: number('Power setpoint in force', 'W'),
  setpointPercent: number('Power limit in force', '%'),
  setpointA: number('Current limit in force', 'A'),
  setpointVar: number('Reactive power setpoint in force', 'var'),
  setpointPowerFactor: number('Power factor setpoint in force', '', [-1, 1]),
  reversionS: number('Time until the setpoint reverts', 's'),
  failsafeW: number('Power without a controller', 'W'),
  failsafeA: number('Current without a controller', 'A'),
  failsafeS: number('Time until the controller counts as lost', 's'),
  controlMode: word('Who controls it'),

  // Charging stations: connector, cable and session
  connectorState: word('Connector state'),
  plugged: yesNo('Vehicle is plugged in'),
  charging: yesNo('Vehicle is charging'),
  locked: yesNo('Plug is locked'),
  cableCurrentA: number('Cable rating', 'A', [0, 1000]),
  sessionEnergyWh: number('Energy of this session', 'Wh'),
  sessionTimeS: number('Duration of this session', 's'),
  sessionId: text('Session or card'),

  // Weather
  irradianceWm2: number('Irradiance', 'W/m²', [-20, 2000]),
  irradianceHorizontalWm2: number('Horizontal irradiance', 'W/m²', [-20, 2000]),
  irradianceDiffuseWm2: number('Diffuse irradiance', 'W/m²', [-20, 2000]),
  illuminanceLx: number('Illuminance', 'lx', [0, 200_000]),
  windSpeedMs: number('Wind speed', 'm/s', [0, 120]),
  windGustMs: number('Wind gust', 'm/s', [0, 150]),
  windDirectionDeg: number('Wind direction', '°', [0, 360]),
  humidityPercent: number('Relative humidity', '%', [0, 100]),
  dewPointC: number('Dew point', '°C', [-80, 60]),
  pressurePa: number('Air pressure', 'Pa', [50_000, 120_000]),
  precipitationMm: counter('Precipitation', 'mm'),
  snowDepthMm: number('Snow depth', 'mm', [0, 20_000]),

  // Motion: trackers, wind turbines, generators
  tiltDeg: number('Tilt', '°', [-180, 180]),
  tiltTargetDeg: number('Tilt target', '°', [-180, 180]),
  azimuthDeg: number('Azimuth', '°', [-180, 360]),
  azimuthTargetDeg: number('Azimuth target', '°', [-180, 360]),
  pitchDeg: number('Blade pitch', '°', [-180, 180]),
  speedRpm: number('Speed', 'rpm', [0, 100_000]),
  torqueNm: number('Torque', 'Nm'),
  fuelPercent: percent('Fuel level'),
  fuelM3: counter('Fuel used', 'm³'),
  oilPressurePa: number('Oil pressure', 'Pa', [0, 5_000_000]),
  starts: counter('Starts', ''),

  // Heat
  temperatureC: number('Temperature', '°C', [-60, 200]),
  temperatureTargetC: number('Temperature target', '°C', [-60, 200]),
  heatPowerW: number('Thermal power', 'W'),
  heatEnergyWh: counter('Thermal energy', 'Wh'),
  flowM3s: number('Flow', 'm³/s', [0, 100]),
  performanceFactor: number('Coefficient of performance', '', [0, 30]),
  openPercent: percent('Opening or modulation'),

  // State
  operatingState: word('Operating state'),
  mode: word('Operating mode'),
  gridState: word('Grid connection'),
  linkState: word('Communication'),
  on: yesNo('Switched on'),
  enabled: word('Allowed to run'),
  faults: flags('Faults'),
  warnings: flags('Warnings'),
  events: flags('Events'),
  faultCode: word('Fault code'),
  warningCode: word('Warning code'),
  heartbeat: number('Sign of life', ''),
  operatingTimeS: counter('Operating time', 's'),
  uptimeS: number('Time since start', 's'),
  signalPercent: percent('Signal strength'),
  signalDbm: number('Signal strength', 'dBm', [-200, 50]),

  // Identity
  vendor: text('Manufacturer'),
  model: text('Model'),
  serial: text('Serial number'),
  firmware: text('Firmware'),
  hardware: text('Hardware version'),
  deviceTime: text('Time of the device'),
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof metrics

/** Parts of a device that have metrics of their own; of several, with a number from 1. */
export const subsystems = {
  grid: 'Grid',
  pv: 'Solar',
  mppt: 'MPP tracker',
  string: 'String',
  battery: 'Battery',
  module: 'Module',
  cell: 'Cell',
  load: 'Load',
  backup: 'Backup output',
  meter: 'Meter',
  generator: 'Generator',
  inverter: 'Inverter',
  ac: 'AC side',
  dc: 'DC side',
  bus: 'DC link',
  connector: 'Connector',
  vehicle: 'Vehicle',
  ambient: 'Surroundings',
  cabinet: 'Cabinet',
  heatsink: 'Heat sink',
  transformer: 'Transformer',
  charger: 'Charger',
  panel: 'Solar panel',
  fan: 'Fan',
  rotor: 'Rotor',
  engine: 'Engine',
  coolant: 'Coolant',
  starter: 'Starter battery',
  compressor: 'Compressor',
  pump: 'Pump',
  heater: 'Electric heater',
  flow: 'Flow',
  return: 'Return',
  source: 'Heat source',
  tank: 'Tank',
  hotWater: 'Hot water',
  room: 'Room',
  output: 'Output',
  input: 'Input',
  sensor: 'Sensor',
} as const satisfies Record<string, string>

export type Subsystem = keyof typeof subsystems
