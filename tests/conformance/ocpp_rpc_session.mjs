// One session of a station made of npm's ocpp-rpc, which nobody here wrote. In strict mode the package judges both sides
// by the official schemas. Used by ocpp_rpc_station.mjs (one station) and ocpp_rpc_many.mjs (hundreds at once).
import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import ocpp from "ocpp-rpc";

export const options = {
  url: { type: "string" },
  token: { type: "string", default: "TAG" },
  "wait-ms": { type: "string", default: "5000" },
  "length-s": { type: "string", default: "3600" },
  "energy-wh": { type: "string", default: "8000" },
  "timeout-ms": { type: "string", default: "15000" },
  reject: { type: "boolean", default: false },
  ca: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
};

// Signs in, boots, charges one session; what it heard. It never throws: see `error`.
export async function session(said) {
  const heard = { protocol: null, commands: [], profiles: [], answers: {}, readings: 0, error: null };
  let profileCame;
  const txProfile = new Promise((resolve) => (profileCame = resolve));

  const ending = "/" + encodeURIComponent(said.identity);
  const station = new ocpp.RPCClient({
    endpoint: said.url.endsWith(ending) ? said.url.slice(0, -ending.length) : said.url,
    identity: said.identity,
    ...(said.password ? { password: said.password } : {}),
    protocols: [said.protocol],
    strictMode: true,
    reconnect: false,
    callTimeoutMs: Number(said["timeout-ms"]),
    wsOpts: Object.fromEntries(["ca", "cert", "key"].filter((one) => said[one]).map((one) => [one, readFileSync(said[one])])),
  });

  station.handle("SetChargingProfile", ({ params }) => {
    heard.profiles.push(params);
    const profile = params.csChargingProfiles ?? params.chargingProfile;
    if (profile.chargingProfilePurpose === "TxProfile") profileCame(true);
    return { status: said.reject ? "Rejected" : "Accepted" };
  });
  const results = {
    ClearChargingProfile: { status: "Accepted" },
    TriggerMessage: { status: "NotImplemented" },
    ChangeConfiguration: { status: "Accepted" },
    GetConfiguration: { configurationKey: [], unknownKey: [] },
    RemoteStopTransaction: { status: "Rejected" },
    GetVariables: ({ getVariableData }) => ({
      getVariableResult: getVariableData.map(({ component, variable }) => ({ attributeStatus: "UnknownVariable", component, variable })),
    }),
    SetVariables: ({ setVariableData }) => ({
      setVariableResult: setVariableData.map(({ component, variable }) => ({ attributeStatus: "Accepted", component, variable })),
    }),
    GetTransactionStatus: { messagesInQueue: false, ongoingIndicator: true },
  };
  station.handle(({ method, params }) => {
    heard.commands.push({ method, params });
    if (method in results) return typeof results[method] === "function" ? results[method](params) : results[method];
    throw ocpp.createRPCError("NotSupported");
  });

  async function tell(action, payload) {
    const answer = await station.call(action, payload);
    heard.answers[action] = answer;
    return answer;
  }

  async function charge201() {
    const chargingStation = { vendorName: "ocpp-rpc", model: "node" };
    const boot = await tell("BootNotification", { chargingStation, reason: "PowerUp" });
    const length = Number(said["length-s"]), energy = Number(said["energy-wh"]), meterStart = 100000;
    const began = Date.parse(boot.currentTime) - length * 1000;
    const at = (seconds) => new Date(began + seconds * 1000).toISOString();
    const status = (connectorStatus) => tell("StatusNotification", { timestamp: at(0), connectorStatus, evseId: 1, connectorId: 1 });
    const idToken = { idToken: said.token, type: "ISO14443" };
    const transactionId = heard.transactionId = randomUUID();
    let seqNo = 0;
    const event = (eventType, seconds, triggerReason, more = {}) => {
      const context = { Started: "Transaction.Begin", Ended: "Transaction.End" }[eventType] ?? "Sample.Periodic";
      const value = (meterStart + Math.round((energy * seconds) / length)) / 1000;
      const sampledValue = [{ value, context, measurand: "Energy.Active.Import.Register", unitOfMeasure: { unit: "kWh" } }];
      const meterValue = [{ timestamp: at(seconds), sampledValue }];
      const { chargingState, stoppedReason, ...rest } = more;
      const transactionInfo = JSON.parse(JSON.stringify({ transactionId, chargingState, stoppedReason }));
      return tell("TransactionEvent", { eventType, timestamp: at(seconds), triggerReason, seqNo: seqNo++, transactionInfo, meterValue, ...rest });
    };
    await status("Occupied");
    await tell("Authorize", { idToken });
    const start = await event("Started", 0, "Authorized", { idToken, evse: { id: 1, connectorId: 1 }, chargingState: "Charging" });
    heard.answers.Started = start;
    heard.profileInTime = await Promise.race([txProfile, new Promise((resolve) => setTimeout(resolve, Number(said["wait-ms"]), false))]);
    for (let seconds = 900; seconds < length; seconds += 900) {
      await event("Updated", seconds, "MeterValuePeriodic");
      heard.readings += 1;
    }
    await tell("Heartbeat", {});
    await tell("DataTransfer", { vendorId: "nobody" });
    heard.answers.Ended = await event("Ended", length, "EVDeparted", { idToken, stoppedReason: "EVDisconnected", chargingState: "Idle" });
    await status("Available");
  }

  async function charge() {
    const boot = await tell("BootNotification", { chargePointVendor: "ocpp-rpc", chargePointModel: "node" });
    const connector = { connectorId: 1, errorCode: "NoError" };
    await tell("StatusNotification", { ...connector, status: "Preparing" });
    await tell("Authorize", { idTag: said.token });
    const length = Number(said["length-s"]), energy = Number(said["energy-wh"]), meterStart = 100000;
    const began = Date.parse(boot.currentTime) - length * 1000;
    const at = (seconds) => new Date(began + seconds * 1000).toISOString();
    const register = (seconds) => meterStart + Math.round((energy * seconds) / length);
    const start = { connectorId: 1, idTag: said.token, meterStart, timestamp: at(0) };
    const { transactionId } = await tell("StartTransaction", start);
    await tell("StatusNotification", { ...connector, status: "Charging" });
    heard.profileInTime = await Promise.race([txProfile, new Promise((resolve) => setTimeout(resolve, Number(said["wait-ms"]), false))]);
    for (let seconds = 900; seconds < length; seconds += 900) {
      const sampledValue = [{ value: String(register(seconds)), measurand: "Energy.Active.Import.Register", unit: "Wh" }];
      await tell("MeterValues", { connectorId: 1, transactionId, meterValue: [{ timestamp: at(seconds), sampledValue }] });
      heard.readings += 1;
    }
    await tell("Heartbeat", {});
    await tell("DataTransfer", { vendorId: "nobody" });
    const stop = { transactionId, idTag: said.token, meterStop: register(length), timestamp: at(length), reason: "EVDisconnected" };
    await tell("StopTransaction", stop);
    await tell("StatusNotification", { ...connector, status: "Available" });
  }

  try {
    await station.connect();
    heard.protocol = station.protocol;
    await (said.protocol === "ocpp1.6" ? charge() : charge201());
  } catch (error) {
    heard.error = `${error.name}: ${error.message}`;
    heard.httpStatus = error.code ?? null;
  }
  await station.close({ code: 1000, force: true }).catch(() => {});
  return heard;
}
