package adapter_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosling-rwkv/gosling/checkpoint/adapter"
)

// saved is what PEFT writes for an adapter of its defaults, save for a scale of 32 and a rank of 4.
const saved = `"alora_invocation_tokens": null, "alpha_pattern": {}, "arrow_config": null, "auto_mapping": null,
	"base_model_name_or_path": "RWKV", "bias": "none", "corda_config": null, "ensure_weight_tying": false, "eva_config": null,
	"exclude_modules": null, "fan_in_fan_out": false, "inference_mode": true, "kasa_config": null, "layer_replication": null,
	"layers_pattern": null, "layers_to_transform": null, "loftq_config": {}, "lora_bias": false, "lora_dropout": 0.05,
	"lora_ga_config": null, "megatron_config": null, "megatron_core": "megatron.core", "modules_to_save": ["head"], "peft_type": "LORA",
	"peft_version": "0.21.2", "qalora_group_size": 16, "r": 4, "lora_alpha": 32, "rank_pattern": {}, "revision": null,
	"runtime_config": {"ephemeral_gpu_offload": false}, "target_modules": ["key", "value"], "target_parameters": null, "task_type": "CAUSAL_LM",
	"trainable_token_indices": null, "use_bdlora": null, "use_dora": false, "use_qalora": false, "use_rslora": false`

func TestKnownSettingsOfPEFTAreTaken(t *testing.T) {
	for text, want := range map[string]adapter.Config{
		"{" + saved + "}": {Alpha: 32, Rank: 4},
		"{" + saved + `, "init_lora_weights": true, "use_rslora": true}`:           {Alpha: 32, Rank: 4, RankRoot: true},
		"{" + saved + `, "init_lora_weights": false, "rank_pattern": {"key": 8}}`:  {Alpha: 32},
		"{" + saved + `, "init_lora_weights": "gaussian", "some_new_thing": null}`: {Alpha: 32, Rank: 4},
		`{"init_lora_weights": "eva", "eva_config": {"rho": 2.0}}`:                 {},
		`{"init_lora_weights": "orthogonal", "another": []}`:                       {},
		`{"init_lora_weights": "MiCA", "lora_alpha": 0.5}`:                         {Alpha: 0.5},
		"{}": {},
	} {
		var c adapter.Config
		require.NoError(t, json.Unmarshal([]byte(text), &c), text)
		assert.Equal(t, want, c, text)
	}
}

func TestSettingsThatAreNotKnownToMergeAreRefused(t *testing.T) {
	for _, setting := range []string{
		`"init_lora_weights": "pissa"`, `"init_lora_weights": "pissa_niter_4"`, `"init_lora_weights": "olora"`, `"init_lora_weights": "corda"`,
		`"init_lora_weights": "loftq"`, `"init_lora_weights": "lora_ga"`, `"init_lora_weights": "of another kind"`, `"init_lora_weights": 1`,
		`"alora_invocation_tokens": [1,2]`, `"alpha_pattern": {"key":3}`, `"arrow_config": {"top_k":3}`, `"ensure_weight_tying": true`,
		`"fan_in_fan_out": true`, `"kasa_config": {"beta":0.1}`, `"layer_replication": [[0,1]]`, `"lora_bias": true`, `"monteclora_config": {"num_samples":8}`,
		`"peft_type": "VERA"`, `"peft_type": 4`, `"target_parameters": ["w"]`, `"trainable_token_indices": [3]`, `"use_bdlora": {"nblocks":2}`,
		`"use_dora": true`, `"use_qalora": true`, `"velora_config": {"scale":1}`, `"use_rslora": "yes"`, `"lora_alpha": "4"`, `"lora_alpha": -1`,
		`"r": 1.5`, `"some_new_thing": 1`, `"some_new_thing": "x"`, `"some_new_thing": true`,
	} {
		var c adapter.Config
		err := json.Unmarshal([]byte("{"+saved+", "+setting+"}"), &c)
		require.ErrorContains(t, err, setting[:len(setting)-len(value(setting))-2]+" is "+value(setting))
	}
	var c adapter.Config
	require.Error(t, json.Unmarshal([]byte("[]"), &c))
}

// value is what stands after the colon.
func value(setting string) string {
	for i := range setting {
		if setting[i] == ':' {
			return setting[i+2:]
		}
	}
	return ""
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("{" + saved + "}"))
	f.Add([]byte(`{"r": 1e300, "rank_pattern": 3, "lora_alpha": null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var c adapter.Config
		if json.Unmarshal(data, &c) == nil {
			require.GreaterOrEqual(t, c.Alpha, 0.0)
			require.GreaterOrEqual(t, c.Rank, 0)
		}
	})
}
