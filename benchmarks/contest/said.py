"""What is said in the cycle, the same by every contestant."""

CONFIRMATIONS = {
    "owner": {"accountable": "release owner of the partner", "deputy": "named deputy"},
    "environment": {"region": "eu-west-1", "change_window": "2020-01-01T00:00:00Z/2099-11-30T23:00:00Z"},
    "sla": {"availability_percent": "99.9", "p99_ms": 300, "support_hours": "24x7"},
    "rollback": {"strategy": "redeploy previous artifact", "max_minutes": 15, "rehearsed_on": "2026-01-02"},
    "support": {"team": "platform on-call", "channel": "#platform-oncall", "escalation": "duty manager"},
}
EVIDENCE = "https://evidence.example.org/1"
VALID_UNTIL = "2099-01-01T00:00:00Z"
SUBJECT = [{"name": "console", "digest": {"sha256": "a" * 64}}]
PLAN = {
    "name": "Operations console threshold",
    "gate_type": "threshold_gate",
    "system_scope": "operations_console",
    "authority_context": "operations owner approves above 500k USD",
}
MOVE = {"gate_type": "threshold_gate", "system_scope": "claims_console", "authority_context": "claims owner approves", "corrects": None}
