// A station made of npm's ocpp-rpc. It signs in, boots, charges one session and prints as one JSON object on stdout what
// it heard.
//
//   node ocpp_rpc_station.mjs --url ws://host:9000/ocpp[/IDENTITY] --identity I --password P
//        [--ca FILE --cert FILE --key FILE]   TLS: who signed the server's certificate, and the station's own
//        [--token TAG] [--wait-ms 5000] [--length-s 3600] [--energy-wh 8000] [--reject] [--protocol ocpp2.0.1]
//
// The session began `length-s` before the server's now and drew `energy-wh`; its readings come a quarter of an hour apart.
// After the start it waits `wait-ms` at most for a TxProfile. Exit code 1 where anything failed: see `error`.
import { parseArgs } from "node:util";
import { options, session } from "./ocpp_rpc_session.mjs";

const { values: said } = parseArgs({
  options: {
    ...options,
    identity: { type: "string" },
    password: { type: "string" },
    protocol: { type: "string", default: "ocpp1.6" },
  },
});
const heard = await session(said);
process.stdout.write(JSON.stringify(heard) + "\n");
process.exit(heard.error === null ? 0 : 1);
