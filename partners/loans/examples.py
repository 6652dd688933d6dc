"""Examples of the API's bodies, for its description."""

import json
from typing import Any

_LOAN_ID = "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5a31"
SUM_PATTERN = r"^[0-9]{1,20}(\.[0-9]{1,4})?$"
HASH = 16 * "7e3a"
FUNDING: dict[str, Any] = {"terms_hash": HASH}
LOAN: dict[str, Any] = {
    "id": _LOAN_ID,
    "referral_id": "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5a32",
    "application_id": "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5a33",
    "product_id": "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5a34",
    "state": "active",
    "currency": "HKD",
    "principal": "2000.00",
    "annual_rate_percent": "12.0000",
    "months": 2,
    "fee_upfront": "20.00",
    "terms_hash": HASH,
    "opened_on": "2026-11-23",
    "matures_on": "2027-11-23",
    "created_at": "2026-11-23T02:00:00Z",
}
REPORT: dict[str, Any] = {"sequence": 3, "kind": "month_end", "as_of": "2026-12-31", "paid_total": "1015.03"}
REPORTED: dict[str, Any] = {
    "id": "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5a35",
    "loan_id": _LOAN_ID,
    "sequence": 3,
    "kind": "month_end",
    "as_of": "2026-12-31",
    "amount": None,
    "paid_total": "1015.03",
    "corrects": None,
    "confirmed_fraud": False,
    "schedule": [],
    "in_force": True,
    "reported_at": "2027-01-02T02:00:00Z",
}
LOAN_DETAIL: dict[str, Any] = LOAN | {
    "days_past_due": 0,
    "schedule": [
        {"due_on": "2026-12-23", "due": "1015.02", "principal": "995.02", "interest": "20.00", "balance": "1004.98"},
        {"due_on": "2027-01-23", "due": "1015.03", "principal": "1004.98", "interest": "10.05", "balance": "0.00"},
    ],
    "reports": {"items": [REPORTED], "next": None},
    "outcome": None,
}
BATCH: dict[str, Any] = {
    "id": "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5a36",
    "state": "queued",
    "percent": 0,
    "sha256": HASH,
    "lines": 1200,
    "recorded": 0,
    "unchanged": 0,
    "refused": 0,
    "created_at": "2027-01-02T02:00:00Z",
    "finished_at": None,
}
BATCH_DETAIL: dict[str, Any] = BATCH | {
    "state": "done",
    "percent": 100,
    "recorded": 1199,
    "refused": 1,
    "finished_at": "2027-01-02T02:00:03Z",
    "problems": {
        "items": [{"line": 1200, "field": None, "code": "cut_off", "detail": "The line does not end."}],
        "next": None,
    },
}
UPLOAD: dict[str, Any] = {
    "multipart/form-data": {
        "example": {
            "file": json.dumps({"loan_id": _LOAN_ID, **REPORT}) + "\n",
            "format": "ndjson",
            "count": 1,
        },
        "schema": {
            "type": "object",
            "required": ["file", "format"],
            "additionalProperties": False,
            "properties": {
                "file": {
                    "type": "string",
                    "format": "binary",
                    "description": "One report a line, as of POST /loans/{id}/reports, with its loan_id. Each line "
                    "ends with a line feed. At most 20 MB and 200,000 lines.",
                },
                "format": {
                    "type": "string",
                    "enum": ["ndjson", "csv"],
                    "description": "A CSV names its columns in the first line; new schedules need NDJSON.",
                },
                "count": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 2**31,
                    "description": "Control total: lines with a report.",
                },
                "sum": {
                    "type": "string",
                    "pattern": SUM_PATTERN,
                    "description": "Control total: what `amount` adds up to.",
                },
                "sha256": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$", "description": "Control total."},
            },
        },
    }
}
