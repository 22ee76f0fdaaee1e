"""What a server warns of although it stores it: deprecated, pointless and doubtful settings.

Pure functions of the objects, one file for each family of kinds; `rules` says which kind goes to
which. After the `WarningsOnCreate` and `WarningsOnUpdate` of the kinds' strategies in
`pkg/registry`, and `pkg/api/*/warnings.go`.
"""

from miniplane.api.warnings.rules import RULES, Rule

__all__ = ["RULES", "Rule"]
