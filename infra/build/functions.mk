# What `sam build` calls for each function: its own folder and nothing else, so that dotted names
# survive and an import of another function fails in the artifact as it would on AWS.
# $(1): the function's logical id in template.yaml, $(2): its folder.
define function
.PHONY: build-$(1)Function
build-$(1)Function:
	@mkdir -p "$(ARTIFACTS_DIR)/functions"
	@cp functions/__init__.py "$(ARTIFACTS_DIR)/functions/"
	@cp -R functions/$(2) "$(ARTIFACTS_DIR)/functions/"
	@find "$(ARTIFACTS_DIR)" -name __pycache__ -prune -exec rm -rf {} +
endef

$(eval $(call function,Records,records))
$(eval $(call function,Auth,auth))
$(eval $(call function,Admin,admin))
$(eval $(call function,Docs,docs))
$(eval $(call function,Jobs,jobs))
$(eval $(call function,JobsRun,jobs))
$(eval $(call function,JobsRunTask,jobs))
$(eval $(call function,JobsTick,jobs))
$(eval $(call function,JobsSweep,jobs))
$(eval $(call function,JobsStatistics,jobs))
$(eval $(call function,JobsReconcile,jobs))
$(eval $(call function,Files,files))
$(eval $(call function,FilesUploaded,files))
$(eval $(call function,FilesVerify,files))
$(eval $(call function,FilesSweep,files))
$(eval $(call function,MailDeliver,mail))
$(eval $(call function,MailReturned,mail))
$(eval $(call function,Realtime,realtime))
$(eval $(call function,RealtimeConnect,realtime))
$(eval $(call function,RealtimeDisconnect,realtime))
$(eval $(call function,RealtimeMessage,realtime))
$(eval $(call function,RealtimeFanOut,realtime))
$(eval $(call function,RealtimeSweep,realtime))
$(eval $(call function,ChangesApply,changes))
$(eval $(call function,HooksAfter,hooks))
$(eval $(call function,Webhooks,webhooks))
$(eval $(call function,WebhooksDeliver,webhooks))
$(eval $(call function,WebhooksTick,webhooks))
