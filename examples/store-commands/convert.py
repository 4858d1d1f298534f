"""Converts joyhousebot's pairing store from and to OpenClaw's form: read|write STORE."""
import hashlib, json, pathlib, sys
from joyhousebot.storage.sqlite_store import LocalStateStore

store, files = LocalStateStore.default(), pathlib.Path(sys.argv[2]) / "devices"
KEYS = {"paired": "deviceId", "pending": "requestId"}
if sys.argv[1] == "read":
    state = store.get_sync_json(name="rpc.device_pairs", default={})
    for name, key in KEYS.items():
        records = {record[key]: record for record in state.get(name) or []}
        for record in records.values():
            # The gateway keeps only the hash of a token.
            for token in (record.get("tokens") or {}).values():
                token["token"] = token.pop("tokenHash", None)
        if records:
            files.mkdir(exist_ok=True)
            (files / f"{name}.json").write_text(json.dumps(records))
else:
    state = {}
    for name in KEYS:
        file = files / f"{name}.json"
        state[name] = list(json.loads(file.read_text()).values()) if file.exists() else []
        for record in state[name]:
            for token in (record.get("tokens") or {}).values():
                token["tokenHash"] = hashlib.sha256(token.pop("token").encode()).hexdigest()
    store.set_sync_json(name="rpc.device_pairs", value=state)
