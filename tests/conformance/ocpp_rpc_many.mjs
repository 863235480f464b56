// Hundreds of ocpp-rpc's stations at once, each with one session; one JSON object a line for each that is done.
//
//   node ocpp_rpc_many.mjs --url ws://host:9000/ocpp --stations FILE [--token TAG] [--wait-ms 0] [...]
//
// FILE: a JSON array of {identity, password, protocol}. The options of a session are those of ocpp_rpc_station.mjs. All
// connect at once; a network that comes back does the same. Exit code 1 where any of them failed.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { options, session } from "./ocpp_rpc_session.mjs";

const { values: said } = parseArgs({ options: { ...options, stations: { type: "string" } } });
const stations = JSON.parse(readFileSync(said.stations, "utf8"));
let failed = 0;

await Promise.all(
  stations.map(async (station) => {
    const heard = await session({ ...said, ...station });
    if (heard.error !== null) failed += 1;
    process.stdout.write(JSON.stringify({ identity: station.identity, ...heard }) + "\n");
  }),
);
process.exitCode = failed ? 1 : 0;
