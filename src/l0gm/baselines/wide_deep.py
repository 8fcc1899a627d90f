"""Wide&Deep (Cheng et al. 2016)."""

from __future__ import annotations

from l0gm.baselines.field_network import FieldNetwork

__all__ = ["WideDeep"]


class WideDeep(FieldNetwork):
    """A linear term over the raw fields beside a deep branch over their embeddings (Cheng et al. 2016).

    It is ``L0GMClassifier(gate="none", linear="ungated", cin=())``. The wide part has no crossed columns, which its
    users choose by hand.

    Parameters
    ----------
    embedding_dim, deep, dropout, lr, weight_decay, batch_size, epochs, patience, device, random_state, threads
        See :class:`l0gm.baselines.field_network.FieldNetwork`.
    """
