from samgap.paper import grid

SPECIAL = r"a\b & 5% of $x_1$ #{2} ~^ ≥"


def test_every_special_character_of_latex_is_escaped():
    assert grid.escape_latex(SPECIAL) == (
        r"a\textbackslash{}b \& 5\% of \$x\_1\$ \#\{2\} \textasciitilde{}\textasciicircum{} $\geq$"
    )
