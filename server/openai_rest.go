package server

import (
	"net/http"

	"github.com/gosling-rwkv/gosling/api"
	"github.com/gosling-rwkv/gosling/api/anthropic"
	"github.com/gosling-rwkv/gosling/api/llamacpp"
	"github.com/gosling-rwkv/gosling/api/openai"
	"github.com/gosling-rwkv/gosling/engine"
	"github.com/gosling-rwkv/gosling/service"
)

// embeddings returns a vector for each text.
func (s *Server) embeddings(c *call) error {
	r, err := decoded(c, openai.DecodeEmbeddings)
	if err != nil {
		return err
	}
	if err := c.checkModel(r.Model); err != nil {
		return err
	}
	c.ignored(r.Ignored)
	vectors, read, err := c.embed(r.Inputs, engine.LastToken)
	if err != nil {
		return err
	}
	for i, v := range vectors {
		if n := r.Dimensions; 0 < n && n < len(v) {
			v = v[:n]
		}
		vectors[i] = llamacpp.Euclidean.Apply(v) // as OpenAI's are
	}
	return c.answer(http.StatusOK, openai.EncodeEmbeddings(openai.EmbeddingResponse{
		Model: s.o.Model.Name(), Vectors: vectors, Base64: r.Base64, Tokens: read,
	}))
}

// embed returns the vectors of texts, and how many tokens they have.
func (c *call) embed(inputs []api.Prompt, pooling engine.Pooling) (vectors [][]float32, read int, err error) {
	m := c.s.o.Model
	c.report.model = m.Name()
	texts := make([]service.Prompt, len(inputs))
	for i, input := range inputs {
		if texts[i], err = c.s.prompt(input); err != nil {
			return nil, 0, err
		}
		read += len(texts[i].Tokens)
	}
	vectors, err = m.Embed(c.ctx, c.client(""), texts, pooling)
	c.report.read = read
	return vectors, read, told(err)
}

// models lists the model, in Anthropic's form for its clients.
func (s *Server) models(c *call) error {
	if c.dialect() == claude {
		return c.answer(http.StatusOK, anthropic.EncodeModels([]anthropic.Model{s.anthropicModel()}))
	}
	return c.answer(http.StatusOK, openai.EncodeModels([]openai.Model{s.described()}))
}

// model describes the model. Any name is right unless Options.StrictModel is set, because clients have names of other models built in.
func (s *Server) model(c *call) error {
	if err := c.checkModel(c.r.PathValue("id")); err != nil {
		return err
	}
	if c.dialect() == claude {
		return c.answer(http.StatusOK, anthropic.EncodeModel(s.anthropicModel()))
	}
	return c.answer(http.StatusOK, openai.EncodeModel(s.described()))
}

func (s *Server) described() openai.Model {
	m := s.o.Model
	var devices []string
	for _, d := range m.Devices() {
		devices = append(devices, d.Name)
	}
	return openai.Model{
		Layers: m.Config().Layers, State: m.StateBytes(), Memory: m.Memory().Sum(), Devices: devices,
		ID: m.Name(), Created: m.Began(), Owner: "gosling", Aliases: []string{m.Name()}, Vocab: m.Vocab(), Embedding: m.Config().Embed, Parameters: m.Parameters(),
		Bytes: m.File().Size(), Context: m.Context(),
	}
}

// inputTokens counts the tokens of a conversation's prompt.
func (s *Server) inputTokens(c *call) error {
	r, err := decoded(c, openai.DecodeChat)
	if err != nil {
		return err
	}
	if err := c.checkModel(r.Model); err != nil {
		return err
	}
	c.ignored(r.Ignored)
	var q service.Request
	if err := c.converse(&q, r.Conversation, r.Sampling); err != nil {
		return err
	}
	return c.answer(http.StatusOK, openai.EncodeInputTokens(len(q.Prompt.Tokens)))
}
